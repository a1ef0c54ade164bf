"""``spm retention`` and ``spm migrate``: the database's upkeep."""

from typing import Annotated

import typer

from monitor import console
from monitor.options import DryRunOption, JsonOption, SuffixOption, TargetOption
from monitor.target import connect


def retention(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="YYYY-MM", help="The first month (UTC) to keep.")
    ],
    *,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop the months of the event log before a month, for good; shows them and asks first.

    Example: spm retention --older-than 2025-09 --dry-run
    """
    connection = connect(target, suffix)
    planned = connection.operations.call("retention", older_than=older_than, dry_run=True)
    rows = planned["partitions"]
    if not as_json:
        console.print_table(
            ["month", "events, about", "size"],
            ([p["month"], p["rows"], console.size(p["bytes"])] for p in rows),
        )
    if rows and not dry_run:
        if not yes:
            typer.confirm(
                f"Drop {len(rows)} months of {connection.stack.name} for good?", abort=True, err=True
            )
        planned = connection.operations.call("retention", older_than=older_than, dry_run=False)
    if as_json:
        console.print_json(planned)
    else:
        console.out.print(f"{'dropped' if planned['dropped'] else 'nothing was dropped'}")


def migrate(*, suffix: SuffixOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Bring the database's schema up to date; deployments do it by themselves.

    Example: spm migrate --suffix prod
    """
    answer = connect(target, suffix).operations.call("migrate")
    if as_json:
        console.print_json(answer)
    else:
        applied = ", ".join(str(migration) for migration in answer["applied"]) or "nothing to do"
        console.out.print(f"schema {answer['schema_version']}: {applied}")
