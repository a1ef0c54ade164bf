"""Applies a roster whose rows are staged."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from asyncpg.exceptions import CardinalityViolationError, CheckViolationError, InvalidParameterValueError

from processor.commands.command import Command
from processor.commands.roster import SQL
from processor.errors import CommandError
from processor.roster import TABLES
from processor.settings import Settings
from processor.storage.session import Session

NAMED: Final = 20

APPLY: Final = {
    "courses": SQL["apply_courses"],
    "assessments": SQL["apply_assessments"],
    "enrolments": SQL["apply_enrolments"],
    "people": SQL["apply_people"],
}


class Changed(msgspec.Struct):
    """What an import does to the rows of a table."""

    new: int
    changed: int
    ended: int
    unchanged: int


class RosterImportAnswer(msgspec.Struct):
    """For each table how many rows are new, changed, ended and unchanged.

    ``unknown_courses`` holds up to 20 courses to which rows refer but which do not exist. Then nothing is
    applied.
    """

    tables: dict[str, Changed]
    unknown_courses: list[str]
    applied: bool


class RosterImport(Command[RosterImportAnswer], tag="roster_import", kw_only=True):
    """Apply every chunk of an import in one transaction, or none. A dry run only says what would change.

    Rows are added and changed, but never removed, except for the name of a person who is deleted. What an
    import does not mention stays as it is. The same import again changes nothing.
    """

    import_id: UUID
    chunks: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    dry_run: bool = False

    async def run(self, session: Session, _: Settings) -> RosterImportAnswer:
        """Write every table, and keep the result or undo it."""
        connection = session.connection
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(SQL["one_at_a_time"])
            await self._require_all_chunks(connection)
            tables, unknown = await self._apply(connection)
        except (CardinalityViolationError, CheckViolationError, InvalidParameterValueError) as error:
            await transaction.rollback()
            raise CommandError(f"nothing was imported: {error}") from error
        except BaseException:
            await transaction.rollback()
            raise
        applied = not self.dry_run and not unknown
        await (transaction.commit() if applied else transaction.rollback())
        await connection.execute(SQL["forget"], self.import_id)
        return RosterImportAnswer(tables, unknown, applied)

    async def _require_all_chunks(self, connection: Connection) -> None:
        staged = await connection.fetchval(SQL["count_chunks"], self.import_id)
        if staged != self.chunks:
            raise CommandError(
                f"{staged} of the import's {self.chunks} chunks are staged: it was applied already, or it "
                "lay for a day; import it again, which changes nothing twice"
            )

    async def _apply(self, connection: Connection) -> tuple[dict[str, Changed], list[str]]:
        """Write each table, courses first. Stop after the courses if rows refer to unknown ones."""
        tables = {"courses": _counted(await connection.fetchrow(APPLY["courses"], self.import_id))}
        unknown = [
            row["course"] for row in await connection.fetch(SQL["unknown_courses"], self.import_id, NAMED)
        ]
        if unknown:
            return tables, unknown
        for table in TABLES[1:]:
            tables[table] = _counted(await connection.fetchrow(APPLY[table], self.import_id))
        ended = await connection.fetchval(SQL["end_enrolments_of_deleted"], self.import_id)
        tables["enrolments"].ended += ended
        return tables, []


def _counted(row: Record | None) -> Changed:
    assert row is not None  # noqa: S101 - for the type checker: a count is a row
    new, changed, ended = row["new"], row["changed"], row["ended"]
    return Changed(new, changed, ended, unchanged=row["given"] - new - changed - ended)
