"""Lists rejected events with their payloads."""

import msgspec

from processor.commands import quarantine
from processor.commands.quarantine import RejectedRow
from processor.commands.room import fitting
from processor.settings import Settings
from processor.storage.session import Session


class RejectedAnswer(msgspec.Struct):
    """A page of rejected events, in the order of their delivery. ``next`` is None on the last page."""

    rejected: list[RejectedRow]
    next: str | None


class Rejected(quarantine.Page[RejectedAnswer], tag="rejected"):
    """List rejected events with their payloads."""

    async def run(self, session: Session, _: Settings) -> RejectedAnswer:
        """Return as many as one answer carries."""
        rows = await quarantine.page(session.connection, self)
        shown = fitting(quarantine.shown(row) for row in rows)
        more = len(shown) < len(rows) or len(rows) == self.limit
        return RejectedAnswer(shown, quarantine.cursor(rows[len(shown) - 1]) if more else None)
