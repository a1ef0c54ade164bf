"""Follow-ups: notes who talked to a student at risk, and how many of those at risk had a follow-up."""

from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID, uuid4

import msgspec

from processor import statements
from processor.commands.as_of import AsOf
from processor.commands.command import About, Command, Function
from processor.commands.room import fitting
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "follow_up.sql")

LONGEST_NOTE: Final = 2_000
LARGEST_OFFSET: Final = 2**31 - 1


class FollowUp(msgspec.Struct):
    """Who talked to which student, when, and about what. ``display_name`` is the student's, if known."""

    id: UUID
    followed_up_at: datetime
    who: str
    course: str
    student: str
    display_name: str | None
    note: str


class FollowUpShare(msgspec.Struct):
    """How many episodes of risk began a week ago or earlier, and how many had a follow-up within a week."""

    flagged: int
    followed_up: int


class AddFollowUpAnswer(msgspec.Struct):
    """The id of the follow-up that is now there."""

    id: UUID


class FollowUpsAnswer(msgspec.Struct):
    """The newest first; ``next`` is the offset of the rows that are left, if there are any."""

    follow_ups: list[FollowUp]
    share: FollowUpShare
    next: int | None


class AddFollowUp(Command[AddFollowUpAnswer], tag="follow_up", kw_only=True):
    """Note that ``who`` talked to a student of a course.

    ``id`` is the caller's own, new for each follow-up; the same again adds nothing. With ``as_teacher``, a
    person in the roster, this is refused if this person does not teach the course.
    """

    function: ClassVar[Function] = "reports"

    course: str
    student: str
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NOTE)]
    id: UUID = msgspec.field(default_factory=uuid4)
    as_teacher: str | None = None

    def about(self) -> About:
        """Return the student in the course."""
        return About(self.student, self.course)

    async def run(self, session: Session, _: Settings) -> AddFollowUpAnswer:
        """Add it, unless it is there."""
        if not self.note.strip():
            raise CommandError("note is blank: say in a few words what was done")
        of_whom = (self.course, self.student, self.note, self.as_teacher)
        if not await session.connection.fetchval(SQL["add"], self.id, self.who, *of_whom):
            raise CommandError(
                f"there is no student {self.student} in a course {self.course} that you may see"
            )
        return AddFollowUpAnswer(self.id)


class FollowUps(AsOf[FollowUpsAnswer], tag="follow_ups", kw_only=True):
    """List follow-ups, of one student or one course if given, and how many students were flagged."""

    course: str | None = None
    student: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_OFFSET)] = 0

    def about(self) -> About | None:
        """Return the student and the course to which the list is limited."""
        return About(self.student, self.course) if self.student or self.course else None

    async def run(self, session: Session, _: Settings) -> FollowUpsAnswer:
        """Return as many as one answer carries."""
        asked = (self.as_of, self.as_teacher, self.course, self.student)
        found = await session.connection.fetch(SQL["found"], *asked, self.limit, self.offset)
        rows = fitting([FollowUp(**row) for row in found])
        [share] = await session.connection.fetch(SQL["share"], *asked)
        is_last = len(rows) == len(found) < self.limit
        return FollowUpsAnswer(rows, FollowUpShare(**share), None if is_last else self.offset + len(rows))
