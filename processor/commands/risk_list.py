"""Lists who is at risk, and why."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from processor import statements
from processor.commands.command import About, Command, Function
from processor.commands.room import fitting
from processor.insight.levels import ELEVATED, HIGH, NONE
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "risk_list.sql")

LEVELS: Final = (NONE, ELEVATED, HIGH)
LARGEST_OFFSET: Final = 2**31 - 1


class ToldReason(msgspec.Struct):
    """What one rule adds to the score, from which numbers, and as a sentence."""

    rule: str
    adds: float
    numbers: dict[str, Any]
    sentence: str


class ListedRisk(msgspec.Struct):
    """A student in a course. ``since`` is when the level was entered. The largest reason comes first."""

    course: str
    student: str
    display_name: str | None
    score: float
    level: str
    since: datetime
    evaluated_at: datetime
    reasons: list[ToldReason]


class RiskListAnswer(msgspec.Struct):
    """``next`` is the offset of the rows that are left, if there are any."""

    risks: list[ListedRisk]
    next: int | None


class RiskList(Command[RiskListAnswer], tag="risk_list", kw_only=True):
    """List students by their score, the highest first. ``level`` is the lowest that is wanted.

    With ``as_teacher``, a person in the roster, the answer leaves out courses that this person does not
    teach.
    """

    function: ClassVar[Function] = "reports"

    course: str | None = None
    student: str | None = None
    level: Literal["none", "elevated", "high"] = "elevated"
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_OFFSET)] = 0
    as_teacher: str | None = None

    def about(self) -> About | None:
        """Return the student and the course that the list is narrowed down to."""
        return About(self.student, self.course) if self.student or self.course else None

    async def run(self, session: Session, _: Settings) -> RiskListAnswer:
        """Return as many as one answer carries."""
        wanted = LEVELS[LEVELS.index(self.level) :]
        found = await session.connection.fetch(
            SQL["found"], self.course, self.student, wanted, self.limit, self.offset, self.as_teacher
        )
        rows = [ListedRisk(**row | {"reasons": told_reasons(row["reasons"])}) for row in map(dict, found)]
        risks = fitting(rows)
        is_last = len(risks) == len(found) < self.limit
        return RiskListAnswer(risks, None if is_last else self.offset + len(risks))


def told_reasons(stored: str) -> list[ToldReason]:
    """Return reasons as the tables hold them."""
    return msgspec.json.decode(stored, type=list[ToldReason])
