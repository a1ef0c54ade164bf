"""A teacher excuses one student's piece of work, or makes it due on another day."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from processor import statements
from processor.commands.command import About, Command, in_utc
from processor.errors import CommandError
from processor.roster import FIRST_YEAR, LAST_YEAR
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "roster_except.sql")

Word = Literal["excused", "due", "lift"]


class WorkException(msgspec.Struct):
    """Excused, or due at another time."""

    due_at: datetime | None
    excused: bool


class RosterExceptAnswer(msgspec.Struct):
    """The exception before and now, or None if there was or is none."""

    before: WorkException | None
    now: WorkException | None


class RosterExcept(Command[RosterExceptAnswer], tag="roster_except", kw_only=True):
    """Excuse a student from an assessment, have it due at ``due_at``, or lift either."""

    course: str
    assessment: str
    student: str
    word: Word
    due_at: datetime | None = None

    def about(self) -> About:
        """Return the student in the course."""
        return About(self.student, self.course)

    async def run(self, session: Session, _: Settings) -> RosterExceptAnswer:
        """Write the exception. Raise CommandError for work or a student that the course does not have."""
        due_at = self._due_at()
        key = (self.course, self.assessment, self.student)
        connection = session.connection
        async with connection.transaction():
            [unknown] = await connection.fetch(SQL["unknown"], *key)
            if unknown["assessment"]:
                raise CommandError(f"the course {self.course} has no assessment {self.assessment}")
            if unknown["student"]:
                raise CommandError(f"{self.student} is not a student of the course {self.course}")
            before = await connection.fetchrow(SQL["before"], *key)
            if self.word == "lift":
                await connection.execute(SQL["lift"], *key)
            else:
                await connection.execute(SQL["make"], *key, due_at, self.word == "excused")
            now = await connection.fetchrow(SQL["before"], *key)
        return RosterExceptAnswer(*(WorkException(**row) if row else None for row in (before, now)))

    def _due_at(self) -> datetime | None:
        due_at = in_utc("due_at", self.due_at)
        if (due_at is not None) != (self.word == "due"):
            raise CommandError("due_at is only for the word due")
        if due_at and not FIRST_YEAR <= due_at.year <= LAST_YEAR:
            raise CommandError(f"due_at is in the year {due_at.year}, not from {FIRST_YEAR} to {LAST_YEAR}")
        return due_at
