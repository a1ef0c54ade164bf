"""What every command is: a struct of its parameters that can run itself."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.connection import Session


class Command(msgspec.Struct, tag_field="command", forbid_unknown_fields=True):
    """The parameters are the members; the event's ``command`` is the tag of the subclass.

    ``patience``: the seconds for all of a call, however often it is tried: long enough for a report over
    years, short enough to answer before the function's own time limit.
    """

    patience: ClassVar[float] = 600.0

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return the answer in JSON's own types; raise CommandError where a parameter is wrong.

        It may be run again after a transient failure, on another connection.
        """
        raise NotImplementedError


def in_utc(name: str, time: datetime | None) -> datetime | None:
    """Return the parameter in UTC, which it is without an offset, too.

    Raises CommandError where that is before the year 1 or after the year 9999.
    """
    try:
        return time and (time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC))
    except OverflowError as error:
        raise CommandError(f"{name} is {time}, in UTC outside the years 1 to 9999") from error
