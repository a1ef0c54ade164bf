"""``spm retention``, ``spm rebuild`` and ``spm migrate``: the database's upkeep."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from processor.commands.migrate import Migrate
from processor.commands.rebuild import Rebuild
from processor.commands.retention import Retention, RetentionAnswer, RetentionKind
from processor.commands.status import Status
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
    month,
)


def retention(
    older_than: Annotated[
        str,
        typer.Option("--older-than", parser=month, metavar="YYYY-MM", help="The first month (UTC) to keep."),
    ],
    *,
    only: Annotated[
        list[RetentionKind] | None,
        typer.Option(
            "--only",
            metavar="KIND",
            help=f"Only this: {', '.join(RetentionKind)}; can be repeated.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Permanently drop what is from before a month, after showing it and asking.

    Without --only, it drops every kind. With --pipeline, events and what is derived from them.

    Example: spm retention --older-than 2025-09 --dry-run
    Example: spm retention --older-than 2025-09 --only events --only rejected
    """
    if older_than > f"{datetime.now(UTC):%Y-%m}":
        raise InputError(
            f"--older-than {older_than} is in the future: whatever comes until then would go, too"
        )
    connection = connect(target, suffix)
    wanted = Retention(older_than, kinds=only, pipeline=pipeline)
    planned = connection.commands.run(wanted)
    if not as_json:
        console.print_table(["what", "table", "rows", "size"], _rows(planned))
    if any(table.rows or table.months for table in planned.tables) and not dry_run:
        if not yes:
            typer.confirm(f"Drop this from {connection.stack.name} for good?", abort=True, err=True)
        planned = connection.commands.run(msgspec.structs.replace(wanted, dry_run=False))
    if as_json:
        console.print_json(planned)
    else:
        console.out.print("dropped" if planned.dropped else "nothing was dropped")


def _rows(planned: RetentionAnswer) -> Iterator[list[object]]:
    for table in planned.tables:
        if table.kind is not RetentionKind.EVENTS:
            yield [table.kind.value, table.table, table.rows, ""]
        for held in table.months:
            yield [
                table.kind,
                f"{table.table} {held.month}",
                f"about {held.rows:,}",
                console.size(held.bytes),
            ]


def rebuild(
    projection: Annotated[str, typer.Argument(help="For example student_course.")],
    *,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a projection again from the event log, month by month, while events are stored.

    What was derived from months that retention has dropped stays as it is.

    Example: spm rebuild student_course
    """
    connection = connect(target, suffix, pipeline)
    name = connection.stack.pipeline.name
    status = connection.commands.run(Status(pipeline=name))
    months = len(status.partitions)
    rows, after = 0, None
    with console.bar(f"Rebuilding {projection}", months) as advance:
        while True:
            answer = connection.commands.run(Rebuild(pipeline=name, projection=projection, after=after))
            rows, after = rows + answer.rows, answer.next
            advance(1)
            if after is None:
                break
    if as_json:
        console.print_json({"projection": projection, "rows": rows})
    else:
        console.out.print(f"{projection}: {rows:,} rows made from {status.stored:,} events")


def migrate(*, suffix: SuffixOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Bring the database's schema up to date. Deployments do this by themselves.

    Example: spm migrate --suffix prod
    """
    answer = connect(target, suffix).commands.run(Migrate())
    if as_json:
        console.print_json(answer)
    else:
        applied = ", ".join(answer.applied) or "nothing to do"
        console.out.print(f"schema {answer.schema_version}: {applied}")
