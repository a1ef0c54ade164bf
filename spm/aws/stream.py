"""Read a stream's records back, shard by shard."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from spm.aws.stack import Aws, Stack

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import RecordTypeDef

PAUSE_SECONDS: Final = 0.25
"""The pause between reads of a shard, which allows five per second. The mapping needs one of them."""


def creation_of(aws: Aws, stack: Stack) -> str:
    """Return what distinguishes the stream from every other, even one of the same name before or after it."""
    summary = aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)["StreamDescriptionSummary"]
    return f"{stack.stream_arn} of {summary['StreamCreationTimestamp'].timestamp()}"


def shard_ids(aws: Aws, stack: Stack) -> list[str]:
    """Return the stream's shards, including closed ones, oldest first."""
    pages = aws.kinesis.get_paginator("list_shards").paginate(StreamName=stack.stream_name)
    return [shard["ShardId"] for page in pages for shard in page["Shards"]]


def records_of(
    aws: Aws, stack: Stack, shard_id: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator["RecordTypeDef"]:
    """Yield the records that arrived in the shard at ``since`` or later and before ``until``, in their order.

    Without ``since``, begin with the oldest that is kept. Without ``until``, end with the newest at this
    moment.
    """
    iterator = _iterator(aws, stack, shard_id, since)
    while iterator:
        answer = aws.kinesis.get_records(ShardIterator=iterator)
        for record in answer["Records"]:
            if until and record["ApproximateArrivalTimestamp"] >= until:
                return
            yield record
        # An empty answer is not the end: there may be records further on (GetRecords, MillisBehindLatest).
        if not answer.get("MillisBehindLatest"):
            return
        iterator = answer.get("NextShardIterator")
        time.sleep(PAUSE_SECONDS)


def _iterator(aws: Aws, stack: Stack, shard_id: str, since: datetime | None) -> str | None:
    if since is None:
        answer = aws.kinesis.get_shard_iterator(
            StreamName=stack.stream_name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )
    else:
        answer = aws.kinesis.get_shard_iterator(
            StreamName=stack.stream_name, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=since
        )
    return answer["ShardIterator"]
