"""Compacts waiting chunks into projections. A schedule asks for this every minute."""

from typing import Annotated, ClassVar

import msgspec

from processor.commands.command import Command
from processor.projections.upkeep import CHUNKS
from processor.settings import Settings
from processor.storage.session import Session


class CompactAnswer(msgspec.Struct):
    """How many chunks of each pipeline there were to compact."""

    compacted: dict[str, int]


class Compact(Command[CompactAnswer], tag="compact"):
    """Bring every pipeline's deferred projections up to date, by this many ``chunks`` per transaction."""

    # While the database is away, few of the schedule's calls wait at once.
    patience: ClassVar[float] = 110.0

    chunks: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = CHUNKS

    async def run(self, session: Session, settings: Settings) -> CompactAnswer:
        """Compact one pipeline after the other."""
        compacted = {
            name: await pipeline.upkeep.compact(session.connection, self.chunks)
            for name, pipeline in settings.pipelines.items()
        }
        return CompactAnswer(compacted)
