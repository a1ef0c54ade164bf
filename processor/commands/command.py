"""A command is a struct of its parameters that can run itself, and answers with another struct."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar, get_type_hints

import msgspec

from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session

Function = Literal["operations", "reports"]
"""Who answers: ``reports`` may only look, ``operations`` owns the schema."""

LONGEST_WHO: Final = 2_048  # as long as an ARN may be

A = TypeVar("A")


class About(NamedTuple):
    """Whom or what an answer is about: one student, one course, or one student in one course."""

    student_id: str | None
    course: str | None


class Command(msgspec.Struct, Generic[A], tag_field="command", forbid_unknown_fields=True, kw_only=True):
    """The parameters are the members. The event's ``command`` is the tag of the subclass.

    ``who`` is who asks, as they state it. It is needed if the answer is about somebody. ``function`` says
    which of the two answers. ``patience`` is the number of seconds for the whole call, however often it is
    tried: long enough for work on years of data, short enough to answer before the function's own time limit.
    """

    function: ClassVar[Function] = "operations"
    patience: ClassVar[float] = 600.0

    who: Annotated[str, msgspec.Meta(max_length=LONGEST_WHO)] | None = None

    def about(self) -> About | None:
        """Return whom or what the answer is about, or None if it is about no single one."""
        return None

    async def run(self, session: Session, settings: Settings) -> A:
        """Return the answer. Raise CommandError if a parameter is wrong.

        It may be run again after a transient failure, on another connection.
        """
        raise NotImplementedError


def name_of(kind: type[Command[A]]) -> str:
    """Return the name of a command in an event."""
    return str(kind.__struct_config__.tag)


def answer_of(kind: type[Command[A]]) -> type[A]:
    """Return the struct that a command answers with: what its ``run`` returns."""
    answer: type[A] = get_type_hints(kind.run)["return"]
    return answer


def in_utc(name: str, time: datetime | None) -> datetime | None:
    """Return the parameter in UTC, which is also assumed without an offset.

    Raises CommandError if that is before the year 1 or after the year 9999.
    """
    try:
        return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))
    except OverflowError as error:
        raise CommandError(f"{name} is {time}, which in UTC is outside the years 1 to 9999") from error
