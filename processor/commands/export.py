"""Exports whole tables page by page: projections, risk, and the event log by month."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final

import msgspec
from asyncpg import Connection
from asyncpg.exceptions import DataError

from processor import statements
from processor.commands.command import Command, Function
from processor.commands.room import fitting_rows
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.pipelines import named
from processor.settings import Settings
from processor.statements import fill, identifier, identifiers
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED

SQL: Final = statements.load(statements.FOLDER / "export.sql")

KEY_OF_LOG: Final = ("source_id", "sequence_number", "sub_sequence", "arrived_at")
KEYS_OF_RISK: Final[Mapping[str, Sequence[str]]] = {"risk": ("course", "student"), "risk_change": ("id",)}


class ExportedColumn(msgspec.Struct):
    """A column; ``type`` is PostgreSQL's name of what it holds."""

    name: str
    type: str


class ExportAnswer(msgspec.Struct):
    """The page's rows, in JSON's own types. ``next`` is for ``after``; it is None on the last page."""

    columns: list[ExportedColumn]
    rows: list[list[Any]]
    next: list[str] | None


class Export(Command[ExportAnswer], tag="export", kw_only=True):
    """Give a page of a table: a projection, ``risk``, ``risk_change``, or a month of the event log.

    Rows come in the order of the key, so that pages fit together. What changes between two pages may or may
    not be in one of them: an export is not a snapshot.
    """

    function: ClassVar[Function] = "reports"

    table: str
    month: Annotated[str, msgspec.Meta(pattern=r"^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])\Z")] | None = None
    after: list[str] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 50_000
    pipeline: str | None = None

    async def run(self, session: Session, settings: Settings) -> ExportAnswer:
        """Return as many rows as one answer carries."""
        pipeline = named(settings.pipelines, self.pipeline)
        key = exported(pipeline).get(self.table)
        if key is None:
            there_are = ", ".join(exported(pipeline))
            raise CommandError(f"the table {self.table} cannot be exported: use one of {there_are}")
        if (self.table == pipeline.table) != (self.month is not None):
            raise CommandError(f"month is only for the event log {pipeline.table}")
        sql = await self._sql(session.connection, key)
        try:
            async with session.connection.transaction(readonly=True):
                statement = await session.connection.prepare(sql)
                rows, is_whole = await fitting_rows(statement, self._values)
        except DataError as error:
            raise CommandError(f"after is {self.after}: use the `next` of the previous page") from error
        columns = [ExportedColumn(column.name, column.type.name) for column in statement.get_attributes()]
        is_last = is_whole and len(rows) < self.limit
        places = [[column.name for column in columns].index(name) for name in key]
        return ExportAnswer(columns, rows, None if is_last else [str(rows[-1][place]) for place in places])

    @property
    def _values(self) -> tuple[object, ...]:
        """What the statement takes."""
        month = (datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC),) if self.month else ()
        return (self.limit, *month, *(self.after or ()))

    async def _sql(self, connection: Connection, key: Sequence[str]) -> str:
        """Return the statement of the page; raise CommandError for a place of another key."""
        blanks = {"table": identifier(self.table), "key": identifiers(key)}
        if self.after is None:
            return fill(SQL["first_page_of_month"] if self.month else SQL["first_page"], blanks)
        if len(self.after) != len(key):
            raise CommandError(
                f"after holds {len(self.after)} values: the key of {self.table} has {len(key)}"
            )
        types = (await connection.prepare(fill(SQL["key_types"], blanks))).get_attributes()
        first = 3 if self.month else 2
        after = ", ".join(
            f"${number}::text::{identifier(column.type.name)}" for number, column in enumerate(types, first)
        )
        page = SQL["next_page_of_month"] if self.month else SQL["next_page"]
        return fill(page, blanks | {"after": after})


def exported(pipeline: Pipeline) -> Mapping[str, Sequence[str]]:
    """Return the tables of a pipeline that can be exported, each with its key."""
    tables: dict[str, Sequence[str]] = {
        projection.name: projection.key for projection in pipeline.projections
    }
    if pipeline.name == SHIPPED.name:
        tables |= KEYS_OF_RISK
    return tables | {pipeline.table: KEY_OF_LOG}
