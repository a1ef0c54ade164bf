"""Bringing everything that is derived up to date: what a schedule asks for every minute."""

from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from processor.commands.command import Command, in_utc
from processor.commands.compact import Compact
from processor.errors import CommandError
from processor.insight import risk
from processor.roster import FIRST_YEAR, LAST_YEAR
from processor.settings import Settings
from processor.storage.connection import Session
from processor.student_performance import PIPELINE as SHIPPED


class RefreshAnswer(msgspec.Struct):
    """How many chunks of each pipeline were compacted, and what evaluating risk did.

    ``courses``: how many were evaluated; ``written``: rows of students of whom anything changed;
    ``changes``: how many of these changed their level, those who left included.
    """

    compacted: dict[str, int]
    courses: int
    written: int
    changes: int


class Refresh(Command[RefreshAnswer], tag="refresh"):
    """Compact, then evaluate the risk of each course whose roster, events or day changed.

    ``at``: the time to evaluate for, now unless it is given. What is stored counts whenever it came: to look
    at an earlier day as it was, store only what had arrived by then.
    """

    patience: ClassVar[float] = Compact.patience

    at: datetime | None = None

    async def run(self, session: Session, settings: Settings) -> RefreshAnswer:
        """Compact every pipeline, then evaluate course by course, each in a transaction of its own."""
        at = in_utc("at", self.at) or datetime.now(UTC)
        if not FIRST_YEAR <= at.year <= LAST_YEAR:
            raise CommandError(f"at is in the year {at.year}, not from {FIRST_YEAR} to {LAST_YEAR}")
        compacted = (await Compact().run(session, settings)).compacted
        done = risk.Evaluated()
        if SHIPPED.name in settings.pipelines:
            done = await risk.evaluate_due(session.connection, at)
        return RefreshAnswer(compacted, done.courses, done.written, done.changes)
