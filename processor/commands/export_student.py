"""Exporting everything about one student, in as many answers as it takes."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from asyncpg import Connection

from processor import statements
from processor.commands.command import About, Command
from processor.commands.export import ExportedColumn
from processor.commands.room import ROWS_AT_ONCE, Room, plain
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.pipelines import Pipelines
from processor.records.mentions import is_shared, mentions, spellings
from processor.settings import Settings
from processor.statements import fill, identifier, identifiers
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "export_student.sql")

REJECTED: Final = "rejected_event"

_PLACE: Final = re.compile(r"(\w{1,63})/([0-9]{1,9})")


class StudentTable(msgspec.Struct):
    """The rows of one table that are about the student, with JSON's own types."""

    name: str
    columns: list[ExportedColumn]
    rows: list[list[Any]]


class ExportStudentAnswer(msgspec.Struct):
    """As many rows as fit into one answer, table by table; ``next`` is for ``after``, and None at the end."""

    tables: list[StudentTable]
    next: str | None


class ExportStudent(Command[ExportStudentAnswer], tag="export_student", kw_only=True):
    """Return everything that is kept about a student; rows that come meanwhile may or may not be in it."""

    student: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    after: str | None = None

    def about(self) -> About:
        """Return the student."""
        return About(self.student, None)

    async def run(self, session: Session, settings: Settings) -> ExportStudentAnswer:
        """Return the tables from the place ``after`` on."""
        selects = list(tables(settings.pipelines))
        first, skip = self._place([select.name for select in selects])
        room, given = Room(), list[StudentTable]()
        for select in selects[first:]:
            table, left_at = await self._read(session.connection, select, skip, room)
            given.append(table)
            if left_at is not None:
                return ExportStudentAnswer(given, f"{select.name}/{left_at}")
            skip = 0
        return ExportStudentAnswer(given, None)

    async def _read(
        self, connection: Connection, select: "Select", skip: int, room: Room
    ) -> tuple[StudentTable, int | None]:
        """Return the rows for which there is room, and the place where they end, or None if that is all."""
        more = [spellings(self.student)] if select.name == REJECTED else []
        async with connection.transaction(readonly=True):
            statement = await connection.prepare(fill(SQL["page"], {"part": select.sql}))
            types = [column.type.name for column in statement.get_attributes()]
            names = [column.name for column in statement.get_attributes()]
            table = StudentTable(select.name, [*map(ExportedColumn, names, types)], [])
            position = skip
            async for row in statement.cursor(self.student, skip, *more, prefetch=ROWS_AT_ONCE):
                told = _rejected(dict(row), self.student) if select.name == REJECTED else row.values()
                if told is not None:
                    values = plain(told, types)
                    if not room.takes(values):
                        return table, position
                    table.rows.append(values)
                position += 1
        return table, None

    def _place(self, names: Sequence[str]) -> tuple[int, int]:
        if self.after is None:
            return 0, 0
        match = _PLACE.fullmatch(self.after)
        if match is None or match[1] not in names:
            raise CommandError(f"after is {self.after!r}: use the `next` of the previous answer")
        return names.index(match[1]), int(match[2])


class Select(NamedTuple):
    """A table, or the part of it that can be about a student, and the statement that finds the rows."""

    name: str
    sql: str


def tables(pipelines: Pipelines) -> Iterator[Select]:
    """Yield every table that holds something about single students."""
    yield Select("person", SQL["person"])
    yield Select("enrolment", SQL["enrolment"])
    yield Select("assessment_exception", SQL["assessment_exception"])
    yield Select("roster_chunk", SQL["roster_chunk"])
    for pipeline in pipelines.values():
        yield from _of_pipeline(pipeline)
    yield Select("student_activity", SQL["student_activity"])
    yield Select("risk", SQL["risk"])
    yield Select("risk_change", SQL["risk_change"])
    yield Select("alert", SQL["alert"])
    yield Select("follow_up", SQL["follow_up"])
    yield Select("access_log", SQL["access_log"])
    yield Select(REJECTED, SQL["rejected_event"])


def _of_pipeline(pipeline: Pipeline) -> Iterator[Select]:
    """Yield the log and the projections of a pipeline whose events belong to students."""
    if pipeline.student is None:
        return
    own = [name for name in pipeline.names if name not in ("event_id", "occurred_at")]
    log = {
        "log": identifier(pipeline.table),
        "own": identifiers(own),
        "student": identifier(pipeline.student),
    }
    yield Select(pipeline.table, fill(SQL["events"], log))
    for projection in pipeline.projections:
        if pipeline.student in projection.key:
            blanks = {
                "table": identifier(projection.name),
                "columns": identifiers(projection.columns),
                "key": identifiers(projection.key),
                "student": identifier(pipeline.student),
            }
            yield Select(projection.name, fill(SQL["projection"], blanks))


def _rejected(row: dict[str, Any], student: str) -> list[Any] | None:
    """Return what a rejected record says, or None if it is another's.

    For an aggregate, this leaves out what was sent, because it may hold other people's records.
    """
    payload: bytes = row["payload"]
    if not mentions(payload, student):
        return None
    return list((row | {"payload": None if is_shared(payload) else payload}).values())
