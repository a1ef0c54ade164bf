"""A database with a pipeline's tables, and the work that functions do on it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from processor import batch, statements
from processor.pipeline import Pipeline
from processor.records.columns import DELIVERY_COLUMNS
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.statements import fill, identifier, identifiers
from processor.storage.connection import Database, Deadline
from processor.storage.secret import Login
from processor.storage.session import Session

T = TypeVar("T")

SQL: Final = statements.load(Path(__file__).with_name("tables.sql"))
SECONDS: Final = 30.0  # for a statement or a batch
CALLS: Final = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "copy_to_table")

Row = Mapping[str, Any]  # by the author's own columns
Tables = Mapping[str, Mapping[tuple[object, ...], Row]]
"""For each table, its rows by their key."""


class Crash(Exception):
    """The process ended here."""


class CrashingConnection:
    """A connection whose process ends after some calls, so that uncommitted work is rolled back."""

    def __init__(self, connection: asyncpg.Connection, calls: int) -> None:
        self._connection = connection
        self._left = calls

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a connection has
        found = getattr(self._connection, name)
        return self._counted(found) if name in CALLS else found

    def _counted(self, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        async def counted(*arguments: object, **options: object) -> T:
            result = await call(*arguments, **options)
            self._left -= 1
            if self._left == 0:
                raise Crash
            return result

        return counted


class CrashingDatabase(Database):
    """The database of an execution environment that ends after this many calls; with 0 it does not end."""

    calls = 0

    async def run(self, work: Callable[[Session], Awaitable[T]], deadline: Deadline) -> T:
        """Run the work on a connection that crashes."""

        async def crashing(session: Session) -> T:
            connection: Any = CrashingConnection(session.connection, self.calls)
            return await work(replace(session, connection=connection))

        return await super().run(crashing if self.calls else work, deadline)


class EventStore:
    """Takes the deliveries of an author's events; ``owner`` is the operations function's connection."""

    def __init__(self, pipeline: Pipeline, owner: asyncpg.Connection, processor: Login) -> None:
        self.pipeline = pipeline
        self._owner = owner
        self._processor = processor

    async def deliver(self, records: Sequence[KinesisRecord], *, crash_after: int = 0) -> bool:
        """Deliver the records to a new execution environment; tell whether it survived.

        It ends after ``crash_after`` calls to PostgreSQL, and by default does not end.
        """
        return await deliver_to(self.pipeline, records, self._processor, crash_after)

    async def compact(self, *, crash_after: int = 0) -> bool:
        """Compact the waiting chunks; tell whether the process survived."""
        connection: Any = CrashingConnection(self._owner, crash_after) if crash_after else self._owner
        try:
            await self.pipeline.upkeep.compact(connection)
        except Crash:
            return False
        return True

    async def rebuild(self) -> None:
        """Make each month of each projection again."""
        upkeep = self.pipeline.upkeep
        for projection in self.pipeline.projections:
            for month in await upkeep.months(self._owner):
                await upkeep.rebuild(self._owner, projection, month)

    async def tables(self) -> Tables:
        """Return everything that is stored and derived, except when it was stored."""
        wanted = [
            (self.pipeline.table, self.pipeline.row, DELIVERY_COLUMNS),
            ("event_identity", ("event_id", *DELIVERY_COLUMNS[:3]), ("event_id",)),
            (
                "rejected_event",
                (*DELIVERY_COLUMNS, "reason", "detail", "payload"),
                DELIVERY_COLUMNS[:3],
            ),
            *((p.name, p.columns, p.key) for p in self.pipeline.projections),
        ]
        found = {}
        for table, columns, key in wanted:
            rows = [dict(row) for row in await rows_of(self._owner, table, columns, key)]
            found[table] = {tuple(row[name] for name in key): row for row in rows}
        return found


async def deliver_to(
    pipeline: Pipeline, records: Sequence[KinesisRecord], login: Login, crash_after: int = 0
) -> bool:
    """Deliver a batch as an execution environment of the function does; tell whether that survived.

    Raises whatever makes an invocation fail, and RuntimeError if records would have to come again.
    """
    if not records:
        return True

    async def read(_: str, _stage: str) -> Login:
        return login

    database = CrashingDatabase(Settings("none", sslmode="disable"), read=read)
    database.calls = crash_after
    try:
        done = await batch.process(pipeline, records, database, Deadline(SECONDS))
    except Crash:
        return False
    finally:
        database.discard()
        await asyncio.sleep(0)  # lets the loop see that the connection has ended
    if done.first_deferred:
        raise RuntimeError(f"the batch is not stored after {SECONDS:.0f} s: {done.why_deferred}")
    return True


async def rows_of(
    connection: asyncpg.Connection,
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    most: int | None = None,
) -> Sequence[asyncpg.Record]:
    """Return a table's rows in the order of their key."""
    blanks = {"table": identifier(table), "columns": identifiers(columns), "key": identifiers(key)}
    rows: Sequence[asyncpg.Record] = await connection.fetch(fill(SQL["rows"], blanks), most)
    return rows
