"""The AWS clients of the runner, and what it asks Lambda about the mappings."""

import logging
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulation.runner.destinations import Destination
from emulation.runner.mapping import RESULT_TAG, EventSourceMapping, read_mapping
from emulation.runner.metrics import Metrics

logger = logging.getLogger(__name__)

LONGEST_FUNCTION_SECONDS = 900


@dataclass(frozen=True)
class Listed:
    """One entry of ListEventSourceMappings, as it came."""

    answer: dict[str, Any]

    @property
    def uuid(self) -> str:
        """The mapping's identifier."""
        return str(self.answer["UUID"])

    @property
    def arn(self) -> str:
        """The mapping's own ARN."""
        return str(self.answer["EventSourceMappingArn"])

    @property
    def last_result(self) -> str:
        """The last result that Lambda shows for it now."""
        return str(self.answer.get("LastProcessingResult", ""))

    def mapping(self) -> EventSourceMapping:
        """Check and return it; raise MappingInvalid with the setting that the runner cannot drive."""
        return read_mapping(self.answer)


class Clients:
    """The clients of one boto3 session. Any thread may use them."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        many = Config(max_pool_connections=100)
        # The rules in lane.py repeat an Invoke, never the SDK, and it may take as long as the function does.
        once = Config(
            max_pool_connections=200,
            read_timeout=LONGEST_FUNCTION_SECONDS + 10,
            retries={"total_max_attempts": 1},
        )
        self.kinesis = session.client("kinesis", config=many)
        self.function = session.client("lambda", config=once)
        self.metrics = Metrics(session.client("cloudwatch"))
        self.destination = Destination(session)

    def list_mappings(self) -> list[Listed]:
        """Return every Kinesis mapping, whether it can be driven or not."""
        pages = self.function.get_paginator("list_event_source_mappings").paginate()
        answers = [answer for page in pages for answer in page["EventSourceMappings"]]
        return [Listed(answer) for answer in answers if ":kinesis:" in answer.get("EventSourceArn", "")]

    def show_result(self, listed: Listed, result: str) -> None:
        """Make the embedded cloud show this as the mapping's LastProcessingResult."""
        try:
            self.function.tag_resource(Resource=listed.arn, Tags={RESULT_TAG: result})
        except (ClientError, BotoCoreError) as error:
            logger.warning("The result of mapping %s cannot be shown: %s", listed.uuid, error)

    def role_of(self, mapping: EventSourceMapping) -> str:
        """Return the role that a function runs as. Its events name it."""
        return str(self.function.get_function_configuration(FunctionName=mapping.function_arn)["Role"])
