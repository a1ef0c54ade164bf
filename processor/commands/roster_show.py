"""Shows the roster page by page."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from asyncpg import Connection, Record

from processor.commands.command import About, Command, Function
from processor.commands.room import fitting
from processor.commands.roster import SQL
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session


class ListedCourse(msgspec.Struct):
    """A course, with how many take and teach it today."""

    id: str
    title: str
    time_zone: str
    begins: date | None
    ends: date | None
    students: int
    teachers: int
    assessments: int


class ListedAssessment(msgspec.Struct):
    """An assessment of the course that was asked for."""

    id: str
    title: str
    due_at: datetime | None
    max_score: float | None
    counts: bool


class ListedEnrolment(msgspec.Struct):
    """A person in the course that was asked for."""

    role: str
    person: str
    display_name: str | None
    begins: date | None
    ends: date | None


class RosterTotals(msgspec.Struct):
    """How many there are in all."""

    courses: int
    assessments: int
    enrolments: int
    students: int
    teachers: int
    people: int


class RosterShowAnswer(msgspec.Struct, kw_only=True):
    """A page of the table that was asked for; ``next`` is None on the last."""

    courses: list[ListedCourse] = []
    assessments: list[ListedAssessment] = []
    enrolments: list[ListedEnrolment] = []
    next: str | None
    totals: RosterTotals


STATEMENTS: Final[Mapping[str, str]] = {
    "courses": SQL["show_courses"],
    "assessments": SQL["show_assessments"],
    "enrolments": SQL["show_enrolments"],
}


class RosterShow(Command[RosterShowAnswer], tag="roster_show", kw_only=True):
    """List courses, or a course's assessments or enrolments, in the order of their keys.

    ``after``: the ``next`` of the page before.
    """

    function: ClassVar[Function] = "reports"

    table: Literal["courses", "assessments", "enrolments"] = "courses"
    course: str | None = None
    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1_000

    def about(self) -> About | None:
        """Return the course whose people and due work are listed."""
        return About(None, self.course) if self.course else None

    async def run(self, session: Session, _: Settings) -> RosterShowAnswer:
        """Return as many rows as one answer carries."""
        if self.table != "courses" and self.course is None:
            raise CommandError(f"course is missing: {self.table} are listed of one course")
        found = await self._rows(session.connection)
        rows = found[: len(fitting(dict(row) for row in found))]
        more = len(rows) < len(found) or len(found) == self.limit
        [totals] = await session.connection.fetch(SQL["totals"])
        answer = RosterShowAnswer(
            next=self._cursor(rows[-1]) if more else None, totals=RosterTotals(**totals)
        )
        if self.table == "courses":
            answer.courses = [ListedCourse(**row) for row in rows]
        elif self.table == "assessments":
            answer.assessments = [ListedAssessment(**row) for row in rows]
        else:
            answer.enrolments = [ListedEnrolment(**row) for row in rows]
        return answer

    async def _rows(self, connection: Connection) -> Sequence[Record]:
        statement = STATEMENTS[self.table]
        if self.table != "enrolments":
            rows: list[Record] = await connection.fetch(statement, self.course, self.after, self.limit)
            return rows
        role, slash, person = (self.after or "").partition("/")
        if self.after is not None and not slash:
            raise CommandError(f"after is {self.after!r}: use the `next` of the page before")
        after = (role, person) if slash else (None, None)
        return await connection.fetch(statement, self.course, *after, self.limit)

    def _cursor(self, row: Record) -> str:
        return f"{row['role']}/{row['person']}" if self.table == "enrolments" else str(row["id"])
