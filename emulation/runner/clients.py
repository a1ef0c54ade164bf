"""The AWS clients of the runner, and what it asks Lambda about the mappings."""

import logging
from typing import Any

from botocore.config import Config

from emulation.errors import MappingInvalid
from emulation.runner.destinations import Destination
from emulation.runner.filters import Filters
from emulation.runner.mapping import Mapping, read_mapping
from emulation.runner.metrics import Metrics

logger = logging.getLogger(__name__)

TIMESTAMP_TAG = "emulation:StartingPositionTimestamp"  # seconds since the epoch
LONGEST_FUNCTION_SECONDS = 900


class Clients:
    """Everything from one boto3 session; its clients may be used from any thread."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        many = Config(max_pool_connections=100)
        # Invoking is repeated by the rules in lane.py, never by the SDK, and may take as long as a function.
        once = Config(
            max_pool_connections=200,
            read_timeout=LONGEST_FUNCTION_SECONDS + 10,
            retries={"total_max_attempts": 1},
        )
        self.kinesis = session.client("kinesis", config=many)
        self.function = session.client("lambda", config=once)
        self.metrics = Metrics(session.client("cloudwatch"))
        self.destination = Destination(session)
        self._complaints: set[str] = set()

    def list_mappings(self) -> dict[str, Mapping]:
        """Return the Kinesis mappings that can be driven, by UUID; log, once, those that cannot."""
        mappings = {}
        for page in self.function.get_paginator("list_event_source_mappings").paginate():
            for answer in page["EventSourceMappings"]:
                if ":kinesis:" not in answer.get("EventSourceArn", ""):
                    continue
                try:
                    mappings[answer["UUID"]] = self._read(answer)
                except MappingInvalid as error:
                    self._complain(str(error))
        return mappings

    def _read(self, answer: dict[str, Any]) -> Mapping:
        mapping = read_mapping(answer | self._lost_timestamp(answer))
        Filters(mapping.filter_patterns)  # raises for a pattern that cannot be followed
        return mapping

    def _complain(self, message: str) -> None:
        if message not in self._complaints:
            self._complaints.add(message)
            logger.error("%s", message)

    def _lost_timestamp(self, answer: dict[str, Any]) -> dict[str, Any]:
        """MiniStack forgets StartingPositionTimestamp but keeps the mapping's tags: take it from there."""
        if answer.get("StartingPosition") != "AT_TIMESTAMP" or "StartingPositionTimestamp" in answer:
            return {}
        tags = self.function.list_tags(Resource=answer["EventSourceMappingArn"])["Tags"]
        return {"StartingPositionTimestamp": tags.get(TIMESTAMP_TAG)}

    def role_of(self, mapping: Mapping) -> str:
        """Return the role a function runs as, which its events name."""
        return str(self.function.get_function_configuration(FunctionName=mapping.function_arn)["Role"])
