"""Comparing what events refer to with the roster."""

from typing import Annotated, Any, Final

import msgspec

from processor.commands.command import Command
from processor.commands.roster import SQL
from processor.settings import Settings
from processor.storage.connection import Session

NOTHING: Final = {"events": 0, "ids": 0, "examples": []}
FINDINGS: Final = ("without_course", "unknown_person", "unknown_course", "not_enrolled", "unknown_assessment")


class RosterCheck(Command, tag="roster_check", kw_only=True):
    """Look for the newest events' students, courses and assessments in the roster.

    ``events``: how many of each shard's newest are looked at.
    """

    events: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100_000

    async def run(self, session: Session, _: Settings) -> dict[str, Any]:
        """Return how many events were looked at, and for each finding events, ids and examples of these."""
        async with session.connection.transaction(readonly=True):
            await session.connection.execute(SQL["by_index"])
            rows = await session.connection.fetch(SQL["check"], self.events)
        found = {row["finding"]: dict(row) for row in rows}
        for finding in found.values():
            del finding["finding"]
        return {
            "events": found.get("events", NOTHING)["events"],
            "students": found.get("events", NOTHING)["ids"],
            "findings": {name: found.get(name, NOTHING) for name in FINDINGS},
        }
