"""A pipeline's ready-made reports."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from processor.commands.command import Command, in_utc
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.pipelines import SHIPPED, named
from processor.settings import Settings
from processor.storage.connection import Session


class Query(Command, tag="query"):
    """Run one of a pipeline's reports.

    ``parameters``: what it is narrowed down to: ``since``, a time of storing, and the pipeline's filters,
    which are exact matches.
    """

    report: str
    parameters: dict[str, str | None] = msgspec.field(default_factory=dict)
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    pipeline: str = SHIPPED.name

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return the report's column names and rows."""
        pipeline = named(settings.pipelines, self.pipeline)
        sql = pipeline.sql.get(f"report_{self.report}")
        if sql is None:
            reports = [name.removeprefix("report_") for name in pipeline.sql if name.startswith("report_")]
            raise CommandError(
                f"the report {self.report} is none of the pipeline {pipeline.name}'s: {', '.join(reports)}"
            )
        rows = await session.connection.fetch(sql, *_narrowed(pipeline, self.parameters), self.limit)
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
    return [*(parameters.get(name) for name in pipeline.filters), in_utc("since", since)]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row in JSON's own types: times as RFC 3339, metadata as the object it is."""
    plain: dict[str, Any] = msgspec.to_builtins(row)
    if "metadata" in plain:
        plain["metadata"] = msgspec.json.decode(plain["metadata"])
    return plain
