"""A pipeline's ready-made reports."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from processor.commands.command import Command, in_utc
from processor.errors import CommandError
from processor.pipelines import named
from processor.reports import LIMIT, SINCE, Report
from processor.settings import Settings
from processor.storage.connection import Session


class Query(Command, tag="query"):
    """Run one of a pipeline's reports.

    ``parameters``: what it is narrowed down to: ``since``, a time of storing, and the pipeline's filters,
    which are exact matches; a report need not have all of them.
    """

    report: str
    parameters: dict[str, str | None] = msgspec.field(default_factory=dict)
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return the report's column names and rows."""
        pipeline = named(settings.pipelines, self.pipeline)
        report = pipeline.reports.get(self.report)
        if report is None:
            there_are = ", ".join(pipeline.reports)
            raise CommandError(
                f"the report {self.report} is none of the pipeline {pipeline.name}'s: {there_are}"
            )
        statement = await session.connection.prepare(report.sql)
        rows = await statement.fetch(*self._values(report))
        of_json = {column.name for column in statement.get_attributes() if column.type.name == "jsonb"}
        return {
            "columns": [column.name for column in statement.get_attributes()],
            "rows": [[_plain(value, name in of_json) for name, value in row.items()] for row in rows],
        }

    def _values(self, report: Report) -> list[object]:
        """Return what the statement takes; raise CommandError for what it is not narrowed down by."""
        narrowing = [name for name in report.parameters if name != LIMIT]
        if unknown := [name for name, value in self.parameters.items() if value and name not in narrowing]:
            allowed = ", ".join(narrowing) or "nothing"
            raise CommandError(
                f"the report {self.report} is not narrowed down by {', '.join(unknown)}, but by {allowed}"
            )
        values: dict[str, object] = {**self.parameters, SINCE: self._since(), LIMIT: self.limit}
        return [values.get(name) for name in report.parameters]

    def _since(self) -> datetime | None:
        try:
            since = msgspec.convert(self.parameters.get(SINCE), datetime | None)
        except msgspec.ValidationError as error:
            raise CommandError(f"{SINCE}: {error}") from error
        return in_utc(SINCE, since)


def _plain(value: object, is_json: bool) -> object:  # noqa: FBT001 - what kind of column it stands in
    """Return the value in JSON's own types: times as RFC 3339, JSON as what it says."""
    if is_json:
        return msgspec.json.decode(value) if isinstance(value, str) else None
    plain: object = msgspec.to_builtins(value)
    return plain
