"""Folding the deltas of reactions into their derived tables: what a schedule asks for every minute."""

from typing import Annotated, Any, ClassVar, Final

import msgspec
from asyncpg import Connection

from processor.commands.command import Command
from processor.connection import Session
from processor.settings import Settings

DELTAS_AT_ONCE: Final = 200  # in one transaction: with batches of 500 events, half a second


class Fold(Command, tag="fold"):
    """Fold the deltas of every pipeline's reactions; ``slice``: how many in one transaction."""

    # While the database is away, few of the schedule's calls wait at once.
    patience: ClassVar[float] = 110.0

    slice: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = DELTAS_AT_ONCE

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return how many deltas of each reaction were folded, each slice in a transaction of its own."""
        folded = {}
        for pipeline in settings.pipelines.values():
            for reaction in pipeline.reactions:
                if reaction.deltas:
                    sql = pipeline.sql[reaction.statement]
                    folded[reaction.name] = await fold_deltas(session.connection, sql, self.slice)
        return {"folded": folded}


async def fold_deltas(connection: Connection, sql: str, at_once: int = DELTAS_AT_ONCE) -> int:
    """Fold while slices are full, what comes meanwhile is for later; return how many deltas they held."""
    folded = 0
    while True:
        taken: int = await connection.fetchval(sql, at_once)
        folded += taken
        if taken < at_once:
            return folded
