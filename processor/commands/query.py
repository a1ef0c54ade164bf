"""A pipeline's ready-made reports."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final

import msgspec

from processor import statements
from processor.commands.command import About, Command, Function, in_utc
from processor.commands.room import fitting_rows
from processor.errors import CommandError
from processor.pipelines import named
from processor.reports import AS_OF, AS_TEACHER, LIMIT, TIMES, UNTIL, Report
from processor.settings import Settings
from processor.statements import fill
from processor.storage.session import Session

SQL = statements.load(statements.FOLDER / "query.sql")

LARGEST_OFFSET: Final = 2**31 - 1


class QueryAnswer(msgspec.Struct):
    """The column names and rows of a report. ``next`` is the offset of the remaining rows, if there are any.

    Rows remain because an answer is full, and not because of ``limit``. ``waiting`` is how many stored chunks
    are not in it yet, because they wait to be compacted.
    """

    columns: list[str]
    rows: list[list[Any]]
    next: int | None
    waiting: int = 0


class Query(Command[QueryAnswer], tag="query"):
    """Run one of a pipeline's reports.

    ``parameters`` are filters: ``since`` and ``until``, when events happened; ``stored_since``; and the
    pipeline's filters, which are exact matches. A report does not have to have all of them. With
    ``as_teacher``, a person in the roster, the answer leaves out courses that this person does not teach.
    ``sort`` is a column of the answer, instead of the report's own order. ``offset`` is how many rows to
    skip.
    """

    function: ClassVar[Function] = "reports"

    report: str
    parameters: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    sort: str | None = None
    descending: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_OFFSET)] = 0
    pipeline: str | None = None
    as_teacher: str | None = None

    def about(self) -> About | None:
        """Return the student and the course to which the report is limited, whichever report it is."""
        student_id, course = (self.parameters.get(name) or None for name in ("student_id", "course"))
        return About(student_id, course) if student_id or course else None

    async def run(self, session: Session, settings: Settings) -> QueryAnswer:
        """Return as many rows as one answer carries."""
        pipeline = named(settings.pipelines, self.pipeline)
        report = pipeline.reports.get(self.report)
        if report is None:
            there_are = ", ".join(pipeline.reports)
            raise CommandError(
                f"the pipeline {pipeline.name} has no report {self.report}: use one of {there_are}"
            )
        values = self._values(report)
        columns = [column.name for column in (await session.connection.prepare(report.sql)).get_attributes()]
        async with session.connection.transaction(readonly=True):
            statement = await session.connection.prepare(self._ordered(report, columns))
            rows, is_whole = await fitting_rows(statement, (*values, self.limit, self.offset))
        waiting = 0 if report.reads_log else (await pipeline.upkeep.waiting(session.connection))[0]
        return QueryAnswer(columns, rows, None if is_whole else self.offset + len(rows), waiting)

    def _values(self, report: Report) -> list[object]:
        """Return the statement's parameters. Raise CommandError for a filter that it does not have."""
        if self.as_teacher is not None and AS_TEACHER not in report.parameters:
            raise CommandError(f"the report {self.report} cannot be limited to a teacher's courses")
        narrowing = [UNTIL if name == AS_OF else name for name in report.parameters]
        narrowing = [name for name in narrowing if name not in (AS_TEACHER, LIMIT)]
        if unknown := [name for name, value in self.parameters.items() if value and name not in narrowing]:
            allowed = ", ".join(narrowing) or "none"
            raise CommandError(f"the report {self.report} has no filter {', '.join(unknown)}: use {allowed}")
        times = {name: self._time(name) for name in TIMES}
        # In an order that is not the report's own, any of its rows may be among the first.
        limit = None if self.sort is not None else self.offset + self.limit
        as_of = times[UNTIL] or datetime.now(UTC)
        values: dict[str, object] = {
            **self.parameters,
            **times,
            AS_OF: as_of,
            AS_TEACHER: self.as_teacher,
            LIMIT: limit,
        }
        return [values.get(name) for name in report.parameters]

    def _time(self, name: str) -> datetime | None:
        try:
            time = msgspec.convert(self.parameters.get(name), datetime | None)
        except msgspec.ValidationError as error:
            raise CommandError(f"{name}: {error}") from error
        return in_utc(name, time)

    def _ordered(self, report: Report, columns: Sequence[str]) -> str:
        """Return the report's statement in the wanted order, from the wanted row."""
        count = len(report.parameters)
        blanks = {
            "report": report.sql,
            "limit": f"${count + 1}::bigint",
            "offset": f"${count + 2}::bigint",
        }
        if self.sort is None:
            return fill(SQL["in_its_order"], blanks)
        if self.sort not in columns:
            raise CommandError(
                f"the report {self.report} has no column {self.sort} to sort by: it has {', '.join(columns)}"
            )
        place = str(columns.index(self.sort) + 1)
        sql = SQL["largest_first"] if self.descending else SQL["smallest_first"]
        return fill(sql, blanks | {"place": place})
