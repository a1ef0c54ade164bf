"""The processor's Lambda function: one batch of Kinesis records in, the partial batch response out."""

import asyncio
import gc
import os
import time
from functools import cache, partial
from typing import Protocol, TypedDict

from processor import batch
from processor.connection import Database, Deadline
from processor.decode import KinesisRecord
from processor.report import report
from processor.settings import Settings

# One event loop for the life of the execution environment: the connection is bound to it.
_LOOP = asyncio.Runner()

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
    records, db = event["Records"], database()
    deadline = Deadline(context.get_remaining_time_in_millis() / 1000)
    retries = db.retries
    outcome = _LOOP.run(batch.process(settings().pipeline, records, db, deadline))
    milliseconds = (time.monotonic() - started) * 1000
    report(outcome, records, context.aws_request_id, milliseconds, db.retries - retries)
    return batch.response(outcome)


@cache
def settings() -> Settings:
    """Return the function's settings; raise ConfigurationError when one is wrong."""
    return Settings.from_environment(os.environ)


@cache
def database() -> Database:
    """Return the execution environment's database; raise ConfigurationError when a setting is wrong."""
    mine = settings()
    if mine.migration_secret_arn is None:
        return Database(mine)
    from processor.migrations import migrate_as_owner  # noqa: PLC0415 - only where no deployment step migrates

    owner, processor = mine.migration_secret_arn, mine.secret_arn
    return Database(mine, prepare=partial(migrate_as_owner, mine, owner, processor))
