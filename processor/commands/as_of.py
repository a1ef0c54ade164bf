"""What all questions about courses and students share."""

from datetime import UTC, datetime
from typing import ClassVar, Final, TypeVar

from processor import statements
from processor.commands.command import Command, Function, in_utc

SQL: Final = statements.load(statements.FOLDER / "pages.sql")

A = TypeVar("A")


class AsOf(Command[A]):
    """A question about what was known at a moment, now unless told otherwise, and of whose courses.

    With ``as_teacher``, a person in the roster, the answer leaves out courses that this person does not
    teach.
    """

    function: ClassVar[Function] = "reports"

    at: datetime | None = None
    as_teacher: str | None = None

    @property
    def as_of(self) -> datetime:
        """The moment, in UTC. Raise CommandError if that is beyond the years."""
        return in_utc("at", self.at) or datetime.now(UTC)
