"""``spm replay``: send records that failed, or any others, through the processor again."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from spm.aws.delivery import LambdaRecord, lambda_record
from spm.aws.redelivery import Receipt, failed_objects, publish_counts, records_in_file, replay, replay_failed
from spm.aws.stream import records_of, shard_ids
from spm.aws.target import Connection, connect
from spm.errors import InputError
from spm.target import Target
from spm.terminal import console
from spm.terminal.options import DryRunOption, JsonOption, PipelineOption, SuffixOption, TargetOption, rfc3339

app = typer.Typer(
    help="Send records through the processor again, under their own identities.", no_args_is_help=True
)

RateOption = Annotated[float, typer.Option(min=1, help="Deliver at most this many records per second.")]
DEFAULT_RATE = 1000.0


@app.command()
def failed(
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete each object once all its records have arrived.")
    ] = False,
    rate: RateOption = DEFAULT_RATE,
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay the records in the failed-records bucket, on which Lambda gave up.

    Doing it twice stores nothing twice.

    Example: spm replay failed --dry-run
    Example: spm replay failed --remove
    """
    connection = connect(target, suffix, pipeline)
    receipt = Receipt(dry_run=dry_run)
    try:
        with console.bar("Replaying failed records", None) as advance:
            unreadable = replay_failed(
                connection.aws,
                connection.stack,
                failed_objects(connection.aws, connection.stack),
                receipt,
                remove=remove,
                rate=rate,
                advance=advance,
                complain=lambda why: console.err.print(why, soft_wrap=True),
            )
    finally:
        conclude(connection, receipt, as_json=as_json)
    if unreadable:
        raise InputError(f"{unreadable} objects hold no records that can be replayed: look at them by hand")


@app.command()
def stream(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            parser=rfc3339,
            metavar="TIME",
            help="Records that arrived at this time or later. Default: all that are kept.",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=rfc3339,
            metavar="TIME",
            help="Records that arrived before this time. Default: now.",
        ),
    ] = None,
    rate: RateOption = DEFAULT_RATE,
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a period of the stream, as long as Kinesis keeps it.

    Example: spm replay stream --from 2026-09-01T08:00:00Z --to 2026-09-01T09:00:00Z
    """
    connection = connect(target, suffix, pipeline)
    run(connection, stream_records(connection, since, until), rate, dry_run=dry_run, as_json=as_json)


@app.command()
def file(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A JSON file of on-failure records, Lambda events or exported rejections."
        ),
    ],
    *,
    rate: RateOption = DEFAULT_RATE,
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay records from a file: on-failure records as in the bucket, Lambda events, or rejections.

    Example: spm replay file failed-records.json --dry-run
    Example: spm rejected export rejected.jsonl && spm replay file rejected.jsonl
    """
    run(connect(target, suffix, pipeline), records_in_file(path), rate, dry_run=dry_run, as_json=as_json)


def run(
    connection: Connection, records: Iterable[LambdaRecord], rate: float, *, dry_run: bool, as_json: bool
) -> None:
    """Replay the records with a progress bar, and print the receipt whatever happens."""
    receipt = Receipt(dry_run=dry_run)
    try:
        with console.bar("Replaying", None) as advance:
            replay(connection.aws, connection.stack, records, receipt, rate=rate, advance=advance)
    finally:
        conclude(connection, receipt, as_json=as_json)


def stream_records(
    connection: Connection, since: datetime | None, until: datetime | None
) -> Iterator[LambdaRecord]:
    """Yield the stream's records of a period, one shard after the other."""
    for shard_id in shard_ids(connection.aws, connection.stack):
        for record in records_of(connection.aws, connection.stack, shard_id, since, until):
            yield lambda_record(connection.stack, shard_id, record)


def conclude(connection: Connection, receipt: Receipt, *, as_json: bool) -> None:
    """Print the receipt, and count what it says if nobody else does."""
    show(receipt, as_json=as_json)
    if connection.target == Target.EMBEDDED and receipt.received and not receipt.dry_run:
        publish_counts(connection.aws, connection.stack, receipt)


def show(receipt: Receipt, *, as_json: bool) -> None:
    """Print what was done, or would be."""
    if as_json:
        console.print_json(vars(receipt))
        return
    shards = ", ".join(f"{shard} {count:,}" for shard, count in sorted(receipt.shards.items())) or "none"
    console.out.print(f"records     {receipt.records:,} ({shards})")
    if receipt.dry_run:
        console.out.print(f"good        {receipt.stored:,} (stored, unless they are already there)")
        console.out.print(f"bad         {receipt.rejected:,}")
        return
    console.out.print(f"stored      {receipt.stored:,}")
    console.out.print(f"duplicates  {receipt.duplicates:,}")
    console.out.print(f"rejected    {receipt.rejected:,}")
    if receipt.expired:
        console.out.print(f"expired     {receipt.expired:,} (they arrived in a month that was dropped)")
    if receipt.erased:
        console.out.print(f"erased      {receipt.erased:,} (of students who were erased)")
    if receipt.untold:
        console.out.print(f"untold      {receipt.untold:,} (saved; the function's log did not say as what)")
