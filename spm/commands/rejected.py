"""``spm rejected``: look at what could not be an event, try it again, export it, or dismiss it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from processor.commands.dismiss import Dismiss
from processor.commands.quarantine import RejectedRow
from processor.commands.redrive import Redrive, RedriveAnswer
from processor.commands.rejected import Rejected
from spm.aws.commands import Commands
from spm.aws.rejected import named, pages, redriven
from spm.aws.target import connect
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import (
    DryRunOption,
    JsonOption,
    PipelineOption,
    SuffixOption,
    TargetOption,
    YesOption,
    rfc3339,
)

app = typer.Typer(help="List, show, redrive, dismiss and export rejected records.", no_args_is_help=True)

ReasonOption = Annotated[str | None, typer.Option(help="Only this reason, such as not_json.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(parser=rfc3339, metavar="TIME", help="Only what was rejected at this time or later."),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(parser=rfc3339, metavar="TIME", help="Only what was rejected before this time."),
]
ShardOption = Annotated[str | None, typer.Option(help="Only from this shard.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="Include those that were redriven or dismissed already.")
]


@app.command(name="list")
def list_(
    *,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    shard: ShardOption = None,
    everything: AllOption = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rejected records, in the order of their delivery.

    Example: spm rejected list --reason not_json --since 2026-09-01T00:00:00Z
    """
    chosen = narrowed(pipeline, reason, since, until, shard, everything=everything)
    found = list(pages(connect(target, suffix, pipeline).commands, Rejected(**chosen), limit + 1))
    rows = found[:limit]
    if as_json:
        console.print_json(rows)
        return
    if not rows:
        console.err.print("no open rejected record matches: --all also shows those that were settled")
    for row in rows:
        console.out.print(name(row))
        console.out.print(
            f"  {console.moment(row.rejected_at)}  {row.reason}: {settled(row)}", soft_wrap=True
        )
    if len(found) > limit:
        console.err.print(f"There is more: --limit shows more than these {limit:,}.")


@app.command()
def show(
    sequence_number: Annotated[
        str, typer.Argument(help="The record's number, as `spm rejected list` shows it.")
    ],
    *,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one rejected record completely, including its bytes.

    Example: spm rejected show 49590338271490256608559692538361571095921575989136588898
    """
    chosen = Rejected(pipeline=pipeline, **named(sequence_number))
    row = next(pages(connect(target, suffix, pipeline).commands, chosen, 1), None)
    if row is None:
        raise InputError(f"no rejected record {sequence_number}: see `spm rejected list --all`")
    if as_json:
        console.print_json(row)
        return
    members = msgspec.to_builtins(row, builtin_types=[bytes])
    payload: bytes = members.pop("payload")
    for member, value in members.items():
        if value is not None:
            console.out.print(f"{member:<17} {console.visible(str(value))}", soft_wrap=True)
    console.out.print(f"{'payload':<17} {len(payload):,} bytes")
    console.out.print(payload.decode(errors="backslashreplace"), soft_wrap=True)


@app.command()
def redrive(
    *,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    shard: ShardOption = None,
    dismissed: Annotated[
        bool,
        typer.Option("--dismissed", help="Redrive those that were dismissed instead of those that are open."),
    ] = False,
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decode the kept bytes again with today's code, and store what is good now under its own identity.

    Doing it twice stores nothing twice. The exit code is 1 if some are still rejected.

    Example: spm rejected redrive --reason invalid_member --dry-run
    """
    chosen = narrowed(pipeline, reason, since, until, shard, everything=True) | {"dismissed": dismissed}
    done = redrive_all(connect(target, suffix, pipeline).commands, Redrive(**chosen, dry_run=dry_run))
    if as_json:
        console.print_json({**msgspec.to_builtins(done), "dry_run": dry_run})
    else:
        would = "would be " if dry_run else ""
        expired = f"{done.expired:,} expired (their month was dropped), " if done.expired else ""
        erased = f"{done.erased:,} of erased students, " if done.erased else ""
        console.out.print(
            f"examined {done.examined:,}: {would}stored {done.stored:,}, {done.duplicates:,} were there "
            f"already, {expired}{erased}{len(done.still_rejected):,} still rejected",
            soft_wrap=True,
        )
        for row in done.still_rejected:
            detail = console.visible(row.detail)
            console.err.print(f"{name(row)}: {row.reason}: {detail}", soft_wrap=True)
    if done.still_rejected:
        raise typer.Exit(1)


@app.command()
def dismiss(
    sequence_number: Annotated[
        str | None,
        typer.Argument(help="One record's number, as `spm rejected list` shows it.", show_default=False),
    ] = None,
    *,
    because: Annotated[
        str,
        typer.Option("--because", metavar="TEXT", help="Why nothing more has to be done. This text is kept."),
    ],
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    shard: ShardOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mark rejected records as settled: they are kept, but `spm status` no longer asks you to look at them.

    Without a record's number, this dismisses all open ones that the options choose. It says how many and asks
    first.

    Example: spm rejected dismiss --reason not_json --because "test messages of the new sender"
    """
    commands = connect(target, suffix, pipeline).commands
    chosen = narrowed(pipeline, reason, since, until, shard, everything=True)
    one = named(sequence_number) if sequence_number is not None else {}
    wanted = Dismiss(**chosen, **one, because=because)
    count = commands.run(msgspec.structs.replace(wanted, dry_run=True)).dismissed
    if count and not dry_run:
        if not yes and not one:
            typer.confirm(f"Dismiss {console.counted(count, 'rejected record')}?", abort=True, err=True)
        count = commands.run(wanted).dismissed
    if as_json:
        console.print_json({"dismissed": count, "dry_run": dry_run})
    elif not count:
        console.err.print("no open rejected record matches: see `spm rejected list --all`")
    else:
        console.out.print(f"{'would be dismissed' if dry_run else 'dismissed'}: {count:,}")
    if one and not count:
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write; - for standard output.")],
    *,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    shard: ShardOption = None,
    everything: AllOption = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write only the bytes as they were sent, one record per line.")
    ] = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write rejected records to a file, one JSON object per line with the payload in base64.

    Example: spm rejected export broken.jsonl --raw
    """
    chosen = narrowed(pipeline, reason, since, until, shard, everything=everything)
    rows = pages(connect(target, suffix, pipeline).commands, Rejected(**chosen), None)
    count = 0
    with console.opened_for_writing(file) as output:
        for row in rows:
            output.write((row.payload if raw else msgspec.json.encode(row)) + b"\n")
            count += 1
    if as_json and file != Path("-"):
        console.print_json({"exported": count})
    else:
        console.err.print(f"exported {count:,}")


def narrowed(
    pipeline: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    shard: str | None,
    *,
    everything: bool,
) -> dict[str, Any]:
    """Return the parameters of a command that choose rejected records."""
    return {
        "pipeline": pipeline,
        "reason": reason,
        "since": since,
        "until": until,
        "shard_id": shard,
        "redriven": None if everything else False,
        "dismissed": None if everything else False,
    }


def redrive_all(commands: Commands, chosen: Redrive) -> RedriveAnswer:
    """Redrive page by page, and return the sums."""
    done = RedriveAnswer(
        examined=0, stored=0, duplicates=0, expired=0, erased=0, still_rejected=[], next=None
    )
    with console.bar("Redriving", None) as advance:
        for answer in redriven(commands, chosen):
            for figure in ("examined", "stored", "duplicates", "expired", "erased"):
                setattr(done, figure, getattr(done, figure) + getattr(answer, figure))
            done.still_rejected += answer.still_rejected
            advance(answer.examined)
    return done


def settled(row: RejectedRow) -> str:
    """Say what is wrong with a record, and what somebody did about it."""
    detail = console.visible(row.detail)
    if row.dismissed_because is not None:
        return f"{detail} (dismissed: {console.visible(row.dismissed_because)})"
    return f"{detail} (redriven)" if row.redriven_at else detail


def name(row: RejectedRow) -> str:
    """Return a rejected record's name: its sequence number, and which part if the record has several."""
    return f"{row.sequence_number}/{row.sub_sequence}" if row.sub_sequence else row.sequence_number
