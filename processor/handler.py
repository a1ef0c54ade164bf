"""The processor's Lambda function: one batch of Kinesis records in, the partial batch response out."""

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
    """What a Kinesis event source mapping invokes the function with."""

    Records: list[KinesisRecord]


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


def handler(event: KinesisEvent, context: Context) -> dict[str, list[dict[str, str]]]:
    """Store every record of the batch; name the first one that could not be, for Lambda to send again.

    Raises what no redelivery mends by itself (wrong settings, refused logins, defects): Lambda then retries
    the whole batch, and the ``Errors`` alarm tells.
    """
    started = time.monotonic()
    records, database = event["Records"], environment.database()
    deadline = Deadline(context.get_remaining_time_in_millis() / 1000)
    retries, pipeline = database.retries, environment.settings().pipeline
    result = environment.LOOP.run(batch.process(pipeline, records, database, deadline))
    milliseconds = (time.monotonic() - started) * 1000
    report(result, records, context.aws_request_id, milliseconds, database.retries - retries)
    return batch.response(result)
