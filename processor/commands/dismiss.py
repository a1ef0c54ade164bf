"""Dismisses rejected events that need nothing more. They are kept, and no longer count as open."""

from typing import Annotated

import msgspec

from processor.commands import quarantine
from processor.settings import Settings
from processor.storage.session import Session

Why = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DismissAnswer(msgspec.Struct):
    """How many rejected events were dismissed, or would be."""

    dismissed: int


class Dismiss(quarantine.Filter[DismissAnswer], tag="dismiss", kw_only=True):
    """Dismiss those of the rejected events that are open, and keep ``because`` with them."""

    because: Why
    dry_run: bool = False

    async def run(self, session: Session, _: Settings) -> DismissAnswer:
        """Return how many these are; a dry run only counts them."""
        waiting = msgspec.structs.replace(self, redriven=False, dismissed=False)
        if self.dry_run:
            return DismissAnswer(await quarantine.count(session.connection, waiting))
        return DismissAnswer(await quarantine.dismiss(session.connection, waiting, self.because))
