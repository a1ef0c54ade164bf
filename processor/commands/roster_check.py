"""Compares what events refer to with the roster."""

from typing import Annotated, ClassVar, Final

import msgspec

from processor.commands.command import Command, Function
from processor.commands.roster import SQL
from processor.settings import Settings
from processor.storage.session import Session

FINDINGS: Final = ("without_course", "unknown_person", "unknown_course", "not_enrolled", "unknown_assessment")


class Finding(msgspec.Struct):
    """How many events it is about, how many ids they hold, and examples of these."""

    events: int = 0
    ids: int = 0
    examples: list[str] = msgspec.field(default_factory=list)


class RosterCheckAnswer(msgspec.Struct):
    """How many events of how many students were looked at, and what was found."""

    events: int
    students: int
    findings: dict[str, Finding]


class RosterCheck(Command[RosterCheckAnswer], tag="roster_check", kw_only=True):
    """Look for the newest events' students, courses and assessments in the roster.

    ``events`` is how many of each shard's newest are looked at.
    """

    function: ClassVar[Function] = "reports"

    events: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100_000

    async def run(self, session: Session, _: Settings) -> RosterCheckAnswer:
        """Look at each shard's newest events, by their key."""
        async with session.connection.transaction(readonly=True):
            await session.connection.execute(SQL["by_index"])
            rows = await session.connection.fetch(SQL["check"], self.events)
        found = {row["finding"]: Finding(row["events"], row["ids"], row["examples"]) for row in rows}
        everything = found.get("events", Finding())
        return RosterCheckAnswer(
            events=everything.events,
            students=everything.ids,
            findings={name: found.get(name, Finding()) for name in FINDINGS},
        )
