"""The processor's Lambda function takes a batch of Kinesis records and returns the partial batch response."""

import gc
import time
from typing import Protocol, TypedDict

from processor import batch, environment
from processor.records.kinesis import KinesisRecord
from processor.report import report
from processor.storage.connection import Deadline

# A batch is thousands of small objects and no reference cycles: to look for some again and again took 8 % of
# a batch of 5,000.
gc.set_threshold(100_000)


class KinesisEvent(TypedDict):
    """The event with which a Kinesis event source mapping invokes the function."""

    Records: list[KinesisRecord]


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


def handler(event: KinesisEvent, context: Context) -> dict[str, list[dict[str, str]]]:
    """Store every record of the batch, and name the first that could not be stored, for Lambda to send again.

    Whatever a redelivery cannot repair is raised (wrong settings, refused logins, defects). Lambda then
    retries the whole batch, and the ``Errors`` alarm is raised.
    """
    started = time.monotonic()
    records, database = event["Records"], environment.database()
    deadline = Deadline(context.get_remaining_time_in_millis() / 1000)
    retries, pipeline = database.retries, environment.settings().pipeline
    result = environment.LOOP.run(batch.process(pipeline, records, database, deadline))
    milliseconds = (time.monotonic() - started) * 1000
    report(result, records, context.aws_request_id, milliseconds, database.retries - retries)
    return batch.response(result)
