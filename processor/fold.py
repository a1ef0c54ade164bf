"""Folding the deltas of reactions into their derived tables: what a schedule asks for every minute."""

from typing import Annotated, Any, Final

import msgspec
from asyncpg import Connection

from processor.connection import Session
from processor.pipelines import Pipelines

SLICE: Final = 200  # deltas in one transaction: with batches of 500 events, half a second
PATIENCE: Final = 110.0  # seconds for one call: while the database is away, few of them wait at once


class Fold(msgspec.Struct, tag="fold", tag_field="command", forbid_unknown_fields=True):
    """Fold the deltas of every pipeline's reactions; ``slice``: how many in one transaction."""

    slice: Annotated[int, msgspec.Meta(ge=1)] = SLICE


async def fold(session: Session, pipelines: Pipelines, wanted: Fold) -> dict[str, Any]:
    """Return how many deltas of each reaction were folded, slice by slice in transactions of their own."""
    folded = {}
    for pipeline in pipelines.values():
        for reaction in pipeline.reactions:
            if reaction.deltas:
                sql = pipeline.sql[reaction.statement]
                folded[reaction.name] = await fold_deltas(session.connection, sql, wanted.slice)
    return {"folded": folded}


async def fold_deltas(connection: Connection, sql: str, slice_: int = SLICE) -> int:
    """Fold while slices are full, what comes meanwhile is for later; return how many deltas they held."""
    folded = 0
    while True:
        taken: int = await connection.fetchval(sql, slice_)
        folded += taken
        if taken < slice_:
            return folded
