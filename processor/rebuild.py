"""Making a derived table again from the event log, slice by slice, while events are stored."""

from typing import Annotated, Any

import msgspec

from processor import statements
from processor.connection import Session
from processor.errors import CommandError
from processor.fold import fold_deltas
from processor.pipelines import SHIPPED, Pipelines, named

SQL = statements.load(statements.FOLDER / "rebuild.sql")

# Of events in a slice: few enough that whoever stores waits for a fraction of a second.
SLICE = 50_000


class Rebuild(msgspec.Struct, tag="rebuild", tag_field="command", forbid_unknown_fields=True, kw_only=True):
    """Make the next slice of a reaction's table again; ``after``: the ``next`` of the slice before."""

    pipeline: str = SHIPPED.name
    reaction: str
    after: str | None = None
    slice: Annotated[int, msgspec.Meta(ge=1)] = SLICE


async def rebuild(session: Session, pipelines: Pipelines, wanted: Rebuild) -> dict[str, Any]:
    """Replace one slice's rows in one transaction; ``next`` is None after the last slice.

    Writers of the table, or of its deltas, wait meanwhile. What they have not committed yet is not in the
    event log that the transaction reads, and they add it to the rows made here; what they have committed is
    read, and was added before, deltas that were not folded yet among it. So each event counts once.
    """
    pipeline, connection = named(pipelines, wanted.pipeline), session.connection
    reactions = {reaction.name: reaction for reaction in pipeline.reactions}
    reaction = reactions.get(wanted.reaction)
    if reaction is None:
        raise CommandError(
            f"{wanted.reaction} is no reaction of {pipeline.name}; there are: {', '.join(reactions)}"
        )
    statement = {part: pipeline.sql[f"{wanted.reaction}_{part}"] for part in ("slice", "clear", "fill")}
    async with connection.transaction():
        await connection.execute(SQL["lock"], reaction.deltas or reaction.name)
        if reaction.deltas:
            await fold_deltas(connection, pipeline.sql[reaction.statement])
        until = await connection.fetchval(statement["slice"], wanted.after, wanted.slice)
        await connection.execute(statement["clear"], wanted.after, until)
        filled = await connection.execute(statement["fill"], wanted.after, until)
    return {"rows": int(filled.rpartition(" ")[2]), "next": until}
