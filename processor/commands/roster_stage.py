"""Staging a chunk of a roster's rows: an import may be larger than what one invocation takes."""

from typing import Annotated
from uuid import UUID

import msgspec

from processor.commands.command import Command
from processor.commands.roster import SQL
from processor.errors import CommandError
from processor.roster import TABLES, Rows, wrong
from processor.settings import Settings
from processor.storage.session import Session


class RosterStageAnswer(msgspec.Struct):
    """How many rows were staged."""

    staged: int


class RosterStage(Command[RosterStageAnswer], tag="roster_stage", kw_only=True):
    """Keep rows until ``roster_import`` applies the import's chunks; a chunk sent again is kept once."""

    import_id: UUID
    number: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    rows: Rows

    async def run(self, session: Session, _: Settings) -> RosterStageAnswer:
        """Check and keep the rows; forget what another import left lying for a day."""
        for table in TABLES:
            for place, row in enumerate(getattr(self.rows, table)):
                if no := wrong(row):
                    raise CommandError(f"rows.{table}[{place}].{no.member} {no.problem}")
        await session.connection.execute(SQL["forget_abandoned"])
        rows = msgspec.json.encode(self.rows).decode()
        await session.connection.execute(SQL["stage"], self.import_id, self.number, rows)
        return RosterStageAnswer(sum(len(getattr(self.rows, table)) for table in TABLES))
