"""Who was ever at risk, and since when. Outcomes are compared with this."""

from datetime import datetime
from typing import Annotated, ClassVar, Final

import msgspec

from processor import statements
from processor.commands.command import Command, Function
from processor.commands.room import fitting
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "risk_audit.sql")


class Flag(msgspec.Struct):
    """When a student was first at elevated risk or worse in a course, and at high risk, and when it ends."""

    course: str
    student: str
    elevated_at: datetime
    high_at: datetime | None
    ends_at: datetime | None


class RiskFlagsAnswer(msgspec.Struct):
    """In the order of course and student. ``next`` is where to continue, if there are more."""

    flags: list[Flag]
    next: tuple[str, str] | None


class RiskFlags(Command[RiskFlagsAnswer], tag="risk_flags", kw_only=True):
    """List everybody who was ever at risk, after a course and student."""

    function: ClassVar[Function] = "reports"

    after: tuple[str, str] = ("", "")
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 10_000

    async def run(self, session: Session, _: Settings) -> RiskFlagsAnswer:
        """Return as many as one answer carries."""
        found = await session.connection.fetch(SQL["flagged"], *self.after, self.limit)
        flags = fitting([Flag(**row) for row in found])
        is_last = len(flags) == len(found) < self.limit
        return RiskFlagsAnswer(flags, None if is_last else (flags[-1].course, flags[-1].student))
