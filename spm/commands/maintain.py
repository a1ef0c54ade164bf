"""``spm retention``, ``spm rebuild`` and ``spm migrate``: the database's upkeep."""

from typing import Annotated

import typer

from processor.commands.migrate import Migrate
from processor.commands.rebuild import Rebuild
from processor.commands.retention import Retention
from processor.commands.status import Status
from spm.aws.target import connect
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
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Permanently drop old months of the event log, after showing them and asking.

    Example: spm retention --older-than 2025-09 --dry-run
    """
    connection = connect(target, suffix, pipeline)
    log = connection.stack.pipeline.name
    planned = connection.commands.run(Retention(older_than, pipeline=log))
    rows = planned.partitions
    if not as_json:
        console.print_table(
            ["month", "events, about", "size"],
            ([p.month, p.rows, console.size(p.bytes)] for p in rows),
        )
    if rows and not dry_run:
        if not yes:
            typer.confirm(
                f"Drop {console.counted(len(rows), 'month')} of {connection.stack.name} for good?",
                abort=True,
                err=True,
            )
        planned = connection.commands.run(Retention(older_than, dry_run=False, pipeline=log))
    if as_json:
        console.print_json(planned)
    else:
        console.out.print("dropped" if planned.dropped else "nothing was dropped")


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
