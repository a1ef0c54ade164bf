"""Send records through the processor again under their original identities, so nothing is stored twice."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from processor.metrics import NAMESPACE, SERVICE_DIMENSION, MetricName
from processor.pipeline import Pipeline
from processor.records.kinesis import decode, whole
from spm.aws.delivery import Delivered, LambdaRecord, deliver
from spm.aws.stack import Aws, Stack
from spm.errors import InputError

BATCH_RECORDS: Final = 500
BATCH_BYTES: Final = 5_000_000
"""An invocation may have 6 MB, including the records' envelopes."""
ENVELOPE_BYTES: Final = 600
ERASED: Final = "erased/"
"""What the keys begin with under which tombstones stand in the bucket; all others hold failed records."""


@dataclass
class Receipt:
    """What a replay did, or would do; all are records or events.

    ``untold`` counts records that were saved although the function's log did not say as what they count.
    """

    dry_run: bool
    records: int = 0
    untold: int = 0
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    expired: int = 0
    erased: int = 0
    shards: Counter[str] = field(default_factory=Counter)


def replay(
    aws: Aws,
    stack: Stack,
    records: Iterable[LambdaRecord],
    receipt: Receipt,
    *,
    rate: float,
    advance: Callable[[int], None],
) -> None:
    """Deliver the records in their order, at most ``rate`` per second, and count in ``receipt``.

    A dry run only decodes them here. ``stored`` then counts what would be stored or is already there.
    Raises DeliveryError if the processor does not accept a batch. What came before it is counted.
    """
    started = time.monotonic()
    for batch in batches(records):
        _count(receipt, batch)
        if receipt.dry_run:
            _decode(stack.pipeline, receipt, batch)
        else:
            _add(receipt, deliver(aws, stack, batch), len(batch))
            ahead = started + receipt.records / rate - time.monotonic()
            time.sleep(max(0.0, ahead))
        advance(len(batch))


def replay_failed(
    aws: Aws,
    stack: Stack,
    objects: Iterable[tuple[str, str]],
    receipt: Receipt,
    *,
    remove: bool,
    rate: float,
    advance: Callable[[int], None],
    complain: Callable[[str], None],
) -> int:
    """Replay the objects of the failed-records bucket, and return how many hold no records.

    ``complain`` is told why, for each of these. ``remove`` deletes an object once its records have arrived.
    """
    unreadable = 0
    for key, text in objects:
        try:
            records = records_in(text, key)
        except InputError as error:
            complain(str(error))
            unreadable += 1
            continue
        replay(aws, stack, records, receipt, rate=rate, advance=advance)
        if remove and not receipt.dry_run:
            aws.s3.delete_object(Bucket=stack.bucket_name, Key=key)
    return unreadable


def publish_counts(aws: Aws, stack: Stack, receipt: Receipt) -> None:
    """Put into CloudWatch the metrics that the processor wrote into its log.

    On AWS, CloudWatch reads that log. The embedded cloud's runner does so only for its own invocations, and a
    replay bypasses it.
    """
    counts: dict[MetricName, int] = {
        "ReceivedEvents": receipt.received,
        "StoredEvents": receipt.stored,
        "DuplicateEvents": receipt.duplicates,
        "RejectedEvents": receipt.rejected,
        "ExpiredEvents": receipt.expired,
        "ErasedEvents": receipt.erased,
    }
    aws.cloudwatch.put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": SERVICE_DIMENSION, "Value": stack.processor_name}],
                "Value": count,
                "Unit": "Count",
            }
            for name, count in counts.items()
            if count
        ],
    )


def batches(records: Iterable[LambdaRecord]) -> Iterator[list[LambdaRecord]]:
    """Cut the records into lists that fit one invocation."""
    batch: list[LambdaRecord] = []
    size = 0
    for record in records:
        record_size = len(record["kinesis"]["data"]) + ENVELOPE_BYTES
        if batch and (len(batch) == BATCH_RECORDS or size + record_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record_size
    if batch:
        yield batch


def records_in(text: str, name: str) -> list[LambdaRecord]:
    """Return the records of an on-failure invocation record, of a Lambda event, or of an exported rejection.

    Raises InputError if it is none of them, or holds no payload (SQS and SNS get none).
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and "sequence_number" in document:
            return [_rejected_record(document, name)]
        if isinstance(document, dict) and "payload" in document:
            payload = document["payload"]
            document = json.loads(payload) if isinstance(payload, str) else payload
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from error
    if isinstance(document, dict) and isinstance(records := document.get("Records"), list):
        for record in records:
            _check(record, name)
        return records
    raise InputError(
        f"{name} holds no records: give an on-failure record from the bucket, a Lambda event, "
        "or what `spm rejected export` wrote"
    )


def _rejected_record(row: dict[str, Any], name: str) -> LambdaRecord:
    """Return the record of a rejection as it arrived, from a row of `spm rejected export`."""
    try:
        if row["sub_sequence"]:
            raise InputError(
                f"{name} is a part of an aggregated record, which cannot arrive alone: spm rejected redrive"
            )
        payload: str = row["payload"]
        # If a record's data were not base64, they were kept as the text that they were.
        data = base64.b64decode(payload).decode() if row["reason"] == "not_base64" else payload
        return {
            "kinesis": {
                "sequenceNumber": row["sequence_number"],
                "data": data,
                "approximateArrivalTimestamp": datetime.fromisoformat(row["arrived_at"]).timestamp(),
            },
            "eventID": f"{row['shard_id']}:{row['sequence_number']}",
            "eventSourceARN": row["stream_arn"],
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name} holds something that is not an exported rejection: {error!r}") from error


def records_in_file(file: Path) -> Iterator[LambdaRecord]:
    """Yield the records of a file that holds one such document, or one per line."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    documents = text.splitlines() if text.count("\n{") else [text]
    for number, document in enumerate(documents, start=1):
        if document.strip():
            yield from records_in(document, f"{file}, line {number}" if len(documents) > 1 else str(file))


def failed_objects(aws: Aws, stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield the key and the text of each object with failed records, by shard and time."""
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket_name)
    for page in pages:
        for item in page.get("Contents", []):
            if item["Key"].startswith(ERASED):
                continue
            answer = aws.s3.get_object(Bucket=stack.bucket_name, Key=item["Key"])
            yield item["Key"], answer["Body"].read().decode(errors="replace")


def _check(record: Any, name: str) -> None:  # noqa: ANN401 - whatever the JSON holds
    try:
        kinesis = record["kinesis"]
        whole = all(isinstance(value, str) for value in (record["eventID"], record["eventSourceARN"]))
        whole = whole and isinstance(kinesis["data"], str) and isinstance(kinesis["sequenceNumber"], str)
        float(kinesis["approximateArrivalTimestamp"])
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{name} holds something that is not a Kinesis record: {error!r}") from error
    if not whole:
        raise InputError(f"{name} holds a Kinesis record without its identity or data")


def _count(receipt: Receipt, batch: list[LambdaRecord]) -> None:
    receipt.records += len(batch)
    receipt.shards.update(record["eventID"].partition(":")[0] for record in batch)


def _add(receipt: Receipt, delivered: Delivered | None, records: int) -> None:
    if delivered is None:
        receipt.untold += records
        return
    receipt.received += delivered.received
    receipt.stored += delivered.stored
    receipt.duplicates += delivered.duplicates
    receipt.rejected += delivered.rejected
    receipt.expired += delivered.expired
    receipt.erased += delivered.erased


def _decode(pipeline: Pipeline, receipt: Receipt, batch: list[LambdaRecord]) -> None:
    for record in batch:
        parse = pipeline.parser(record["eventSourceARN"])
        decoded = whole(decode([record], parse))  # type: ignore[list-item]  # checked by _check, or made by lambda_record
        receipt.received += len(decoded.events) + len(decoded.rejections)
        receipt.stored += len(decoded.events)
        receipt.rejected += len(decoded.rejections)
