"""Making a derived table again from the event log, slice by slice, while events are stored."""

from typing import Annotated, Any, Final

import msgspec

from processor import statements
from processor.commands.command import Command
from processor.commands.fold import fold_deltas
from processor.connection import Session
from processor.errors import CommandError
from processor.pipelines import SHIPPED, named
from processor.settings import Settings

SQL = statements.load(statements.FOLDER / "rebuild.sql")

EVENTS_AT_ONCE: Final = 50_000  # few enough that whoever stores waits for a fraction of a second


class Rebuild(Command, tag="rebuild", kw_only=True):
    """Make the next slice of a reaction's table again; ``after``: the ``next`` of the slice before."""

    pipeline: str = SHIPPED.name
    reaction: str
    after: str | None = None
    slice: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)] = EVENTS_AT_ONCE

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Replace one slice's rows in one transaction; ``next`` is None after the last slice.

        Writers of the table, or of its deltas, wait meanwhile. What they have not committed yet is not in the
        event log that the transaction reads, and they add it to the rows made here; what they have committed
        is read, and was added before, deltas that were not folded yet among it. So each event counts once.
        """
        pipeline, connection = named(settings.pipelines, self.pipeline), session.connection
        reactions = {reaction.name: reaction for reaction in pipeline.reactions}
        reaction = reactions.get(self.reaction)
        if reaction is None:
            raise CommandError(
                f"{self.reaction} is no reaction of {pipeline.name}; there are: {', '.join(reactions)}"
            )
        statement = {part: pipeline.sql[f"{self.reaction}_{part}"] for part in ("slice", "clear", "fill")}
        async with connection.transaction():
            await connection.execute(SQL["lock"], reaction.deltas or reaction.name)
            if reaction.deltas:
                await fold_deltas(connection, pipeline.sql[reaction.statement])
            until = await connection.fetchval(statement["slice"], self.after, self.slice)
            await connection.execute(statement["clear"], self.after, until)
            filled = await connection.execute(statement["fill"], self.after, until)
        return {"rows": int(filled.rpartition(" ")[2]), "next": until}
