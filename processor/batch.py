"""One batch from first record to last: decode, save, say which could not be saved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from processor import store
from processor.connection import Database, Deadline, Source
from processor.decode import Decoded, KinesisRecord
from processor.errors import RetryLater
from processor.pipeline import Pipeline

# Committed at a time: large enough that a commit's cost vanishes, small enough that a large batch makes
# progress that a nearing deadline does not undo.
PART = 5_000


@dataclass
class Outcome:
    """What became of a batch."""

    received: int = 0
    saved: store.Saved = field(default_factory=store.Saved)
    first_deferred: str | None = None  # sequence number of the first record that is to come again
    deferred: int = 0
    why_deferred: str = ""


async def process(
    pipeline: Pipeline, records: Sequence[KinesisRecord], database: Database, deadline: Deadline
) -> Outcome:
    """Save the records part by part, in their order, until all are saved or the deadline nears.

    Whatever a record holds, the others are saved. Raises what is a defect or a wrong setting.
    """
    outcome = Outcome()
    done = 0
    for source, part in _parts(records):
        decoded = Decoded(pipeline.parser(source.stream_arn), part)
        save = partial(store.save, pipeline=pipeline, source=source, decoded=decoded)
        try:
            saved = await database.run(save, deadline)
        except RetryLater as later:
            outcome.first_deferred = part[0]["kinesis"]["sequenceNumber"]
            outcome.deferred = len(records) - done
            outcome.why_deferred = str(later)
            break
        done += len(part)
        outcome.received += len(decoded.events) + len(decoded.rejections)
        outcome.saved.add(saved)
    return outcome


def response(outcome: Outcome) -> dict[str, list[dict[str, str]]]:
    """Return the partial batch response: Lambda delivers the named record and all after it again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    if outcome.first_deferred is None:
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": outcome.first_deferred}]}


def _parts(records: Sequence[KinesisRecord]) -> Iterator[tuple[Source, list[KinesisRecord]]]:
    """Cut the batch into parts of one shard each. Lambda sends one shard's records; a replay may mix."""
    for (stream_arn, shard_id), group in groupby(records, key=_stream_and_shard):
        same = list(group)
        for start in range(0, len(same), PART):
            yield Source(stream_arn, shard_id), same[start : start + PART]


def _stream_and_shard(record: KinesisRecord) -> tuple[str, str]:
    return record["eventSourceARN"], record["eventID"].partition(":")[0]
