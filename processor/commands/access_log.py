"""Who looked at whom: the access log, for who answers for it."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from processor import statements
from processor.commands.command import LONGEST_WHO, About, Command, in_utc
from processor.commands.room import fitting
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "access_log.sql")

# Text, as other cursors are. Eighteen digits of ASCII fit a bigint.
Cursor = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")]


class Look(msgspec.Struct):
    """One answer about a student or a course; CloudTrail knows who invoked the function by ``request_id``."""

    id: int
    accessed_at: datetime
    who: str
    request_id: str
    command: str
    student_id: str | None
    course: str | None


class AccessLogAnswer(msgspec.Struct):
    """The newest first. ``next`` is the ``before`` of the remaining rows, if there are any."""

    looks: list[Look]
    next: Cursor | None


class AccessLog(Command[AccessLogAnswer], tag="access_log", kw_only=True):
    """List who was told about which student or course; ``by``: only what this caller asked.

    ``before``: only rows older than the one of this id. An answer about one student or one course is itself
    noted, and is the first of its rows.
    """

    student: str | None = None
    course: str | None = None
    by: Annotated[str, msgspec.Meta(max_length=LONGEST_WHO)] | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    before: Cursor | None = None

    def about(self) -> About | None:
        """Return the student and the course that the list is narrowed down to."""
        return About(self.student, self.course) if self.student or self.course else None

    async def run(self, session: Session, _: Settings) -> AccessLogAnswer:
        """Return as many as one answer carries."""
        since, until = in_utc("since", self.since), in_utc("until", self.until)
        before = None if self.before is None else int(self.before)
        asked = (self.student, self.course, self.by, since, until, before)
        found = await session.connection.fetch(SQL["looked"], *asked, self.limit)
        looks = fitting([Look(**row) for row in found])
        is_last = len(looks) == len(found) < self.limit
        return AccessLogAnswer(looks, None if is_last else str(looks[-1].id))
