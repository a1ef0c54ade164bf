"""``spm status``: one screen about a stack."""

import time
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from spm.aws.health import Health, look
from spm.aws.target import connect
from spm.terminal import console
from spm.terminal.options import JsonOption, PipelineOption, SuffixOption, TargetOption

REFRESH_SECONDS: Final = 2.0


def command(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing the status until Ctrl-C.")] = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the stack is doing. The exit code is 1 when something needs attention.

    Example: spm status --watch
    """
    connection = connect(target, suffix, pipeline)
    health = look(connection)
    if as_json:
        console.print_json(health.as_json())
    elif watch:
        with Live(screen(health), console=console.out, screen=console.out.is_terminal) as live:
            while True:
                time.sleep(REFRESH_SECONDS)
                health = look(connection)
                live.update(screen(health))
    else:
        console.out.print(screen(health))
    if health.attention:
        raise typer.Exit(1)


def screen(health: Health) -> Group:
    """Lay the status out for a terminal of 80 columns."""
    database = health.database
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True, min_width=14)
    table.add_column(overflow="fold")
    for name, value in (
        ("Stack", f"{health.stack} on {health.target}, {health.region}"),
        ("Stream", f"{health.stream}, {health.shards} shard{'s' * (health.shards != 1)}"),
        ("Mapping", Text(health.mapping)),
        ("Lag", _lag(health)),
        (
            "Stored",
            _counts(
                database.stored_last_hour,
                database.stored,
                at_least=database.stored_last_hour_is_at_least,
            ),
        ),
        ("Duplicates", _counts(health.duplicates_last_hour, health.duplicates)),
        (
            "Rejected",
            _counts(database.rejected_last_hour, database.rejected) + f", {database.rejected_open:,} open",
        ),
        ("Projections", f"{console.counted(database.waiting_chunks, 'chunk')} to compact"),
        ("Last stored", console.moment(database.last_stored_at)),
        ("Database", f"{console.size(database.database_bytes)}, schema {database.schema_version}"),
        ("Expired", _expired(health)),
        (
            "Partitions",
            ", ".join(f"{p.month} {console.size(p.bytes)}" for p in database.partitions) or "none",
        ),
        ("Failed records", f"{health.failed_objects:,} objects"),
        ("Alerts", _alerts(health)),
        ("Dashboard", health.dashboard),
        ("Alarms", _alarms(health)),
    ):
        if value:
            table.add_row(name, value)
    notes = [Text(f"! {line}", style="yellow") for line in health.attention] or [
        Text("All is well.", style="green")
    ]
    return Group(table, Text(), *notes)


def _expired(health: Health) -> str:
    """Return which months retention dropped and how many of their events came again, or nothing."""
    before = health.database.dropped_before
    return f"{health.expired:,} events of dropped months (before {before:%Y-%m})" if before else ""


def _counts(last_hour: int, in_all: int, *, at_least: bool = False) -> str:
    return f"{'at least ' if at_least else ''}{last_hour:,} in the last hour, {in_all:,} in all"


def _lag(health: Health) -> str:
    lag = health.database.lag_ms
    known = {"p50": lag.p50, "p99": lag.p99}
    parts = [f"{name} {value:,.0f} ms" for name, value in known.items() if value is not None]
    age = health.iterator_age_ms
    parts.append("iterator age unknown" if age is None else f"iterator age {age:,.0f} ms")
    return ", ".join(parts)


def _alerts(health: Health) -> str:
    if health.alerts_waiting is None:
        return ""
    return f"{health.alerts_waiting:,} waiting to be sent, {health.alerts_given_up:,} given up"


def _alarms(health: Health) -> str:
    if not health.alarms:
        return "none"
    states = list(health.alarms.values())
    words = {"ALARM": "on", "OK": "quiet", "INSUFFICIENT_DATA": "without data"}
    return ", ".join(f"{states.count(state)} {words.get(state, state)}" for state in sorted(set(states)))
