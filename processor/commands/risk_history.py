"""How levels of risk changed."""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from processor.commands.command import About, Command, Function
from processor.commands.risk_list import SQL, ToldReason, told_reasons
from processor.commands.room import fitting
from processor.settings import Settings
from processor.storage.session import Session


class ListedChange(msgspec.Struct):
    """A change of a student's level in a course. Without a score, the student was no longer enrolled."""

    id: int
    course: str
    student: str
    display_name: str | None
    from_level: str
    level: str
    score: float | None
    changed_at: datetime
    reasons: list[ToldReason]


class RiskHistoryAnswer(msgspec.Struct):
    """``next`` is the ``before`` of the remaining rows, if there are any."""

    changes: list[ListedChange]
    next: str | None


class RiskHistory(Command[RiskHistoryAnswer], tag="risk_history", kw_only=True):
    """List changes of level, newest first. ``before`` lists those before the one with this id.

    With ``as_teacher``, a person in the roster, the answer leaves out courses that this person does not
    teach.
    """

    function: ClassVar[Function] = "reports"

    course: str | None = None
    student: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    before: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")] | None = None
    as_teacher: str | None = None

    def about(self) -> About | None:
        """Return the student and the course that the list is narrowed down to."""
        return About(self.student, self.course) if self.student or self.course else None

    async def run(self, session: Session, _: Settings) -> RiskHistoryAnswer:
        """Return as many as one answer carries."""
        found = await session.connection.fetch(
            SQL["changes"],
            self.course,
            self.student,
            self.before and int(self.before),
            self.limit,
            self.as_teacher,
        )
        changes = fitting(
            ListedChange(**row | {"reasons": told_reasons(row["reasons"])}) for row in map(dict, found)
        )
        is_last = len(changes) == len(found) < self.limit
        return RiskHistoryAnswer(changes, None if is_last else str(changes[-1].id))
