"""Listing rejected events with what was sent."""

from collections.abc import Sequence
from typing import Any, Final

from asyncpg import Record

from processor.commands import quarantine
from processor.settings import Settings
from processor.storage.connection import Session

# Of payloads; base64 makes a third more of them, and Lambda's answers end at 6 MB.
PAGE_BYTES: Final = 3_500_000


class Rejected(quarantine.Filter, tag="rejected"):
    """List rejected events with their payloads."""

    async def run(self, session: Session, _: Settings) -> dict[str, Any]:
        """Return a page of rejected events, in the order of their delivery; ``next`` is None on the last."""
        rows = await quarantine.page(session.connection, self)
        fitting = _fitting(rows)
        more = len(fitting) < len(rows) or len(rows) == self.limit
        return {
            "rejected": [quarantine.shown(row) for row in fitting],
            "next": quarantine.cursor(fitting[-1]) if more else None,
        }


def _fitting(rows: Sequence[Record]) -> Sequence[Record]:
    """Return as many rows as one answer of a Lambda function can carry, and at least one."""
    total = 0
    for count, row in enumerate(rows):
        total += len(row["payload"])
        if total > PAGE_BYTES and count:
            return rows[:count]
    return rows
