"""Processes one batch: decodes it, writes it, and says which records could not be stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

from processor.errors import RetryLater
from processor.pipeline import Pipeline
from processor.records.chunk import Chunk
from processor.records.kinesis import KinesisRecord, decode, months_of
from processor.storage.connection import Database, Deadline
from processor.storage.session import Source
from processor.storage.writer import Saved, Writer


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch.

    ``received`` counts events and rejections. ``first_deferred`` is the sequence number of the first record
    that must come again, and ``deferred`` is the number of such records.
    """

    received: int = 0
    saved: Saved = field(default_factory=Saved)
    first_deferred: str | None = None
    deferred: int = 0
    why_deferred: str = ""


async def process(
    pipeline: Pipeline, records: Sequence[KinesisRecord], database: Database, deadline: Deadline
) -> BatchResult:
    """Store the records chunk by chunk, in their order, until all are stored or the deadline nears.

    Whatever a record holds, the others are stored. Defects and wrong settings are raised.
    """
    received, done, saved = 0, 0, Saved()
    for source, same in _by_shard(records):
        slices = decode(same, pipeline.parser(source.stream_arn))
        for first in slices:
            chunk = Chunk(chain([first], slices))
            writer = Writer(pipeline, source, months_of(same), chunk)
            try:
                saved = saved.plus(await database.run(writer.write, deadline))
            except RetryLater as later:
                number = records[done]["kinesis"]["sequenceNumber"]
                return BatchResult(received, saved, number, len(records) - done, str(later))
            done += sum(decoded.records for decoded in chunk)
            received += sum(len(decoded.events) + len(decoded.rejections) for decoded in chunk)
    return BatchResult(received, saved)


def response(result: BatchResult) -> dict[str, list[dict[str, str]]]:
    """Return the partial batch response. Lambda delivers the named record and all after it again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    if result.first_deferred is None:
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": result.first_deferred}]}


def _by_shard(records: Sequence[KinesisRecord]) -> Iterator[tuple[Source, Sequence[KinesisRecord]]]:
    """Group the records by shard. Lambda sends the records of one shard, but a replay may mix them."""
    for (stream_arn, shard_id), same in groupby(records, key=_stream_and_shard):
        yield Source(stream_arn, shard_id), list(same)


def _stream_and_shard(record: KinesisRecord) -> tuple[str, str]:
    return record["eventSourceARN"], record["eventID"].partition(":")[0]
