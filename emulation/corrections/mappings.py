"""Event source mappings of Kinesis as Lambda accepts them: checked when they are made, and kept completely.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html

What the runner cannot do is refused here, because one check (``read_mapping``) serves both.
"""

import json
import time
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn  # type: ignore[import-untyped]  # MiniStack ships no types
from ministack.services import kinesis, lambda_svc  # type: ignore[import-untyped]  # as above
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]  # as above

from emulation.corrections.answers import Response, answer, refuse
from emulation.errors import MappingInvalid
from emulation.runner.mapping import DEFAULT_BATCH_SIZE, RESULT_TAG, read_mapping

Settings = dict[str, Any]

_create = lambda_svc._create_esm
_update = lambda_svc._update_esm
_response = lambda_svc._esm_response
_create_from_template = provisioners._lambda_esm_create
_update_from_template = provisioners._lambda_esm_update

CREATED = 202
CONFLICT = 409


def leave_kinesis_to_the_runner() -> bool:
    """Take no batch: the runner delivers, and two deliverers would deliver everything twice."""
    return False


def create(data: Settings) -> Response:
    """Answer CreateEventSourceMapping."""
    if not _is_of_kinesis(data):
        response: Response = _create(data)
        return response
    data = {"BatchSize": DEFAULT_BATCH_SIZE} | data
    try:
        _check(data)
        _check_is_only_one(data)
    except MappingInvalid as error:
        return refuse("InvalidParameterValueException", str(error))
    except AlreadyMapped as error:
        return refuse("ResourceConflictException", str(error), CONFLICT)
    status, headers, body = _create(data)
    if status != CREATED:
        return status, headers, body
    mapping = lambda_svc._esms[json.loads(body)["UUID"]]
    _keep_starting_timestamp(mapping, data)
    return answer(response_of(mapping), CREATED)


def update(uuid: str, data: Settings) -> Response:
    """Answer UpdateEventSourceMapping."""
    mapping = lambda_svc._esms.get(uuid)
    if mapping and _is_of_kinesis(mapping):
        try:
            read_mapping(mapping | data)
        except MappingInvalid as error:
            return refuse("InvalidParameterValueException", str(error))
    response: Response = _update(uuid, data)
    return response


def response_of(mapping: Settings) -> Settings:
    """Return a mapping as Lambda shows it, with the runner's result."""
    shown: Settings = _response(mapping)
    tags = dict(shown.get("Tags") or {})
    if RESULT_TAG in tags:
        shown |= {"LastProcessingResult": tags.pop(RESULT_TAG), "Tags": tags}
    return shown


def create_from_template(logical_id: str, props: Settings, stack_name: str) -> tuple[str, Settings]:
    """Create a stack's mapping. CloudFormation shows a ValueError as the reason why a resource failed."""
    if not _is_of_kinesis(props):
        made: tuple[str, Settings] = _create_from_template(logical_id, props, stack_name)
        return made
    props = {"BatchSize": DEFAULT_BATCH_SIZE} | props
    try:
        _check(props)
        _check_is_only_one(props)
    except (MappingInvalid, AlreadyMapped) as error:
        raise ValueError(str(error)) from error
    uuid, attributes = _create_from_template(logical_id, props, stack_name)
    mapping = lambda_svc._esms[uuid]
    _keep_starting_timestamp(mapping, props)
    _enable(mapping, props)
    return uuid, attributes


def update_from_template(
    physical_id: str, old_props: Settings, new_props: Settings, stack_name: str
) -> tuple[str, Settings]:
    """Update a stack's mapping."""
    mapping = lambda_svc._esms.get(physical_id)
    if mapping and _is_of_kinesis(new_props):
        try:
            read_mapping(mapping | new_props | {"FunctionArn": mapping["FunctionArn"]})
        except MappingInvalid as error:
            raise ValueError(str(error)) from error
    uuid, attributes = _update_from_template(physical_id, old_props, new_props, stack_name)
    if uuid in lambda_svc._esms:
        _enable(lambda_svc._esms[uuid], new_props)
    return uuid, attributes


class AlreadyMapped(Exception):
    """The function already has a mapping for this stream. A second one would deliver every record twice."""


def _is_of_kinesis(settings: Settings) -> bool:
    return ":kinesis:" in str(settings.get("EventSourceArn", ""))


def _check(settings: Settings) -> None:
    """Raise MappingInvalid if Lambda would refuse these settings, or the runner cannot do what they ask."""
    if not settings.get("StartingPosition"):
        raise MappingInvalid("StartingPosition is missing: a stream's mapping needs one")
    mapping = read_mapping({"UUID": "", "FunctionArn": "", **settings})
    if (mapping.starting_timestamp or 0) > time.time():
        raise MappingInvalid("StartingPositionTimestamp is in the future")
    try:
        arn = parse_arn(mapping.stream_arn)
    except ArnParseError as error:
        raise MappingInvalid(f"EventSourceArn {mapping.stream_arn} is not an ARN") from error
    if not kinesis._streams.contains_scoped(arn.account_id, arn.region, mapping.stream_name):
        raise MappingInvalid(f"Stream not found: {mapping.stream_arn}")


def _check_is_only_one(settings: Settings) -> None:
    name, qualifier, missing = lambda_svc._resolve_existing_esm_function(settings.get("FunctionName", ""))
    if missing:
        raise MappingInvalid(f"Function not found: {settings.get('FunctionName')}")
    function = lambda_svc._func_arn(name) + (f":{qualifier}" if qualifier else "")
    for mapping in lambda_svc._esms.values():
        if (mapping["EventSourceArn"], mapping["FunctionArn"]) == (settings["EventSourceArn"], function):
            raise AlreadyMapped(
                f"An event source mapping of {settings['EventSourceArn']} to {function} already exists."
                f" Update or delete the existing mapping with UUID {mapping['UUID']}"
            )


def _keep_starting_timestamp(mapping: Settings, settings: Settings) -> None:
    if settings.get("StartingPositionTimestamp") is not None:
        mapping["StartingPositionTimestamp"] = float(settings["StartingPositionTimestamp"])


def _enable(mapping: Settings, props: Settings) -> None:
    """Apply ``Enabled``, which is true or false; in a template it may be a string."""
    if "Enabled" in props:
        enabled = str(props["Enabled"]).lower() == "true"
        mapping |= {"Enabled": enabled, "State": "Enabled" if enabled else "Disabled"}
