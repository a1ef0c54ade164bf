"""What every command is: a struct of its parameters that can run itself."""

from typing import Any, ClassVar

import msgspec

from processor.connection import Session
from processor.settings import Settings


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
