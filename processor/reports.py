"""Read-only views of what is stored: ``status`` and the ready-made ``query`` reports."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from processor import statements
from processor.connection import Session

SQL = statements.load(statements.FOLDER / "reports.sql")

Report = Literal["students", "courses", "types", "days", "student", "tail"]
Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]

# A table with more rows than this is not counted one by one for a status.
EXACT_UP_TO = 2_000_000


class Status(msgspec.Struct, tag="status", tag_field="command", forbid_unknown_fields=True):
    """How much is stored and rejected, how fast it gets there, how large it is."""


class Parameters(msgspec.Struct, forbid_unknown_fields=True):
    """What a report is narrowed down to; ``since`` is a time of storing, the others are exact matches."""

    student_id: str | None = None
    event_type: str | None = None
    course: str | None = None
    since: datetime | None = None


class Query(msgspec.Struct, tag="query", tag_field="command", forbid_unknown_fields=True):
    """Run one of the reports."""

    report: Report
    parameters: Parameters = msgspec.field(default_factory=Parameters)
    limit: Limit = 100


async def status(session: Session, _: Status) -> dict[str, Any]:
    """Return the figures and the partitions; ``stored_is_estimate`` where counting would take too long."""
    fetch, value = session.connection.fetch, session.connection.fetchval
    estimate = await value(SQL["estimate_stored"])
    exact = estimate <= EXACT_UP_TO
    [figures] = await fetch(SQL["status"])
    [recent] = await fetch(SQL["last_hour"])
    return {
        "stored": await value(SQL["count_stored"]) if exact else estimate,
        "stored_is_estimate": not exact,
        "stored_last_hour": recent["stored_last_hour"],
        "lag_ms": {"p50": recent["lag_p50"], "p99": recent["lag_p99"]},
        **_plain(dict(figures)),
        "partitions": [_plain(dict(row)) for row in await fetch(SQL["partitions"])],
    }


async def query(session: Session, wanted: Query) -> dict[str, Any]:
    """Return the report's column names and rows."""
    p = wanted.parameters
    narrowed = (p.student_id, p.event_type, p.course, p.since)
    rows = await session.connection.fetch(SQL[f"report_{wanted.report}"], *narrowed, wanted.limit)
    columns = list(rows[0].keys()) if rows else []
    return {"columns": columns, "rows": [list(_plain(dict(row)).values()) for row in rows]}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row in JSON's own types: times as RFC 3339, metadata as the object it is."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    if "metadata" in plain:
        plain["metadata"] = msgspec.json.decode(plain["metadata"])
    return plain
