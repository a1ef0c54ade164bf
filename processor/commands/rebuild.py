"""Makes a projection again from the event log, month by month, while events are stored."""

import msgspec

from processor.commands.command import Command
from processor.commands.retention import Month
from processor.errors import CommandError
from processor.pipelines import named
from processor.settings import Settings
from processor.storage.session import Session


class RebuildAnswer(msgspec.Struct):
    """How many rows the projection has in this month now. ``next`` is None after the last month."""

    rows: int
    next: Month | None


class Rebuild(Command[RebuildAnswer], tag="rebuild", kw_only=True):
    """Make a month of a projection again: the first after ``after``, the ``next`` of the previous answer.

    What was derived from months that were dropped from the log is kept.
    """

    pipeline: str | None = None
    projection: str
    after: Month | None = None

    async def run(self, session: Session, settings: Settings) -> RebuildAnswer:
        """Replace the month's rows in one transaction."""
        pipeline = named(settings.pipelines, self.pipeline)
        upkeep = pipeline.upkeep
        projections = {projection.name: projection for projection in upkeep.projections}
        projection = projections.get(self.projection)
        if projection is None:
            raise CommandError(
                f"{pipeline.name} has no projection {self.projection}: use one of {', '.join(projections)}"
            )
        kept = await upkeep.months(session.connection)
        waiting = [month for month in kept if self.after is None or f"{month.begins:%Y-%m}" > self.after]
        if not waiting:
            return RebuildAnswer(0, None)
        rows = await upkeep.rebuild(session.connection, projection, waiting[0])
        return RebuildAnswer(rows, f"{waiting[0].begins:%Y-%m}" if len(waiting) > 1 else None)
