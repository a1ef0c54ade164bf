"""Compares projections with the event log from which they are derived."""

import msgspec

from processor.commands.command import Command
from processor.pipelines import named
from processor.settings import Settings
from processor.storage.session import Session


class CheckAnswer(msgspec.Struct):
    """In how many rows each projection differs from what the log gives. It should be 0."""

    differences: dict[str, int]


class Check(Command[CheckAnswer], tag="check"):
    """Compare a pipeline's projections with its log, in every month that the log keeps."""

    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> CheckAnswer:
        """Compare one projection after the other."""
        upkeep = named(settings.pipelines, self.pipeline).upkeep
        months = await upkeep.months(session.connection)
        differences = {
            projection.name: sum(
                [await upkeep.check(session.connection, projection, month) for month in months]
            )
            for projection in upkeep.projections
        }
        return CheckAnswer(differences)
