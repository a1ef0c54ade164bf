"""Read-only views of what is stored: ``status`` and the ready-made ``query`` reports."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from processor import statements
from processor.connection import Session
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.pipelines import SHIPPED, Pipelines, named

SQL = statements.load(statements.FOLDER / "reports.sql")

Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]

# A table with more rows than this is not counted one by one for a status.
EXACT_UP_TO = 2_000_000


class Status(msgspec.Struct, tag="status", tag_field="command", forbid_unknown_fields=True):
    """How much of a pipeline is stored and rejected, how fast it gets there, how large it is."""

    pipeline: str = SHIPPED.name


class Query(msgspec.Struct, tag="query", tag_field="command", forbid_unknown_fields=True):
    """Run one of a pipeline's reports.

    ``parameters``: what it is narrowed down to: ``since``, a time of storing, and the pipeline's filters,
    which are exact matches.
    """

    report: str
    parameters: dict[str, str | None] = msgspec.field(default_factory=dict)
    limit: Limit = 100
    pipeline: str = SHIPPED.name


async def status(session: Session, pipelines: Pipelines, wanted: Status) -> dict[str, Any]:
    """Return the figures and the partitions; ``stored_is_estimate`` where counting would take too long."""
    pipeline = named(pipelines, wanted.pipeline)
    fetch, value = session.connection.fetch, session.connection.fetchval
    estimate = await value(SQL["estimate_stored"], pipeline.table)
    exact = estimate <= EXACT_UP_TO
    [rejected] = await fetch(SQL["rejected_and_size"], pipeline.name)
    [figures] = await fetch(pipeline.sql["figures"])
    lag = {"p50": figures["lag_p50"], "p99": figures["lag_p99"]}
    shown = {name: value for name, value in figures.items() if not name.startswith("lag_")}
    return {
        "stored": await value(pipeline.sql["count_stored"]) if exact else estimate,
        "stored_is_estimate": not exact,
        "lag_ms": lag,
        "deltas": await value(SQL["estimate_deltas"], [r.deltas for r in pipeline.reactions if r.deltas]),
        **_plain({**shown, **rejected}),
        "partitions": [_plain(dict(row)) for row in await fetch(SQL["partitions"], pipeline.table)],
    }


async def query(session: Session, pipelines: Pipelines, wanted: Query) -> dict[str, Any]:
    """Return the report's column names and rows."""
    pipeline = named(pipelines, wanted.pipeline)
    sql = pipeline.sql.get(f"report_{wanted.report}")
    if sql is None:
        there = ", ".join(name.removeprefix("report_") for name in pipeline.sql if name.startswith("report_"))
        raise CommandError(f"the report {wanted.report} is none of the pipeline {pipeline.name}'s: {there}")
    rows = await session.connection.fetch(sql, *_narrowed(pipeline, wanted.parameters), wanted.limit)
    columns = list(rows[0].keys()) if rows else []
    return {"columns": columns, "rows": [list(_plain(dict(row)).values()) for row in rows]}


def _narrowed(pipeline: Pipeline, parameters: Mapping[str, str | None]) -> list[object]:
    """Return the values of the pipeline's filters, then ``since``, as a report's statement takes them."""
    if unknown := [name for name in parameters if name not in (*pipeline.filters, "since")]:
        allowed = ", ".join((*pipeline.filters, "since"))
        raise CommandError(f"the parameters {', '.join(unknown)} are none of {pipeline.name}'s: {allowed}")
    try:
        since = msgspec.convert(parameters.get("since"), datetime | None)
    except msgspec.ValidationError as error:
        raise CommandError(f"since: {error}") from error
    return [*(parameters.get(name) for name in pipeline.filters), since]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row in JSON's own types: times as RFC 3339, metadata as the object it is."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    if "metadata" in plain:
        plain["metadata"] = msgspec.json.decode(plain["metadata"])
    return plain
