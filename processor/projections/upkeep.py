"""Updates projections with the batch, by compaction and by a rebuild, and checks them.

Everybody locks in the same order: the log's upkeep, then projections as they are declared, then the rows of
each in the order of its key. So there can be no deadlock.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from processor.projections.projection import SQL, Deferred, Immediate, Projection
from processor.projections.queue import Span
from processor.statements import identifier, identifiers

if TYPE_CHECKING:
    from asyncpg import Connection

CHUNKS: Final = 200  # compacted in one transaction: with batches of 500 events, 100,000 of them
NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Month(NamedTuple):
    """A month that a log keeps, and the name of its partition."""

    begins: date
    partition: str


@dataclass(frozen=True)
class Upkeep:
    """All the projections of one event log. ``sql`` holds the SELECT of each by its name.

    ``columns`` are the log's columns that this release knows. A migration of the next release may have added
    others.
    """

    log: str
    columns: Sequence[str]
    projections: Sequence[Projection]
    sql: Mapping[str, str]

    @cached_property
    def immediate(self) -> Sequence[Projection]:
        """Those that every batch updates."""
        return [projection for projection in self.projections if isinstance(projection, Immediate)]

    @cached_property
    def deferred(self) -> Sequence[Projection]:
        """Those that compaction updates."""
        return [projection for projection in self.projections if isinstance(projection, Deferred)]

    async def write(self, connection: "Connection", span: Span) -> int | None:
        """In a batch's transaction, update immediate projections, and queue the span for deferred ones.

        Returns the epoch of erasure as queueing reads it, or None if nothing is queued.
        """
        if self.immediate:
            await connection.execute(self._filled("make_fresh"))
            await connection.execute(self._filled("take_span"), *span[1:])
            for projection in self.immediate:
                await connection.execute(projection.upsert(self.sql[projection.name], self._fresh))
        epoch: int | None = await connection.fetchval(SQL["queue"], *span) if self.deferred else None
        return epoch

    async def compact(self, connection: "Connection", chunks: int = CHUNKS) -> int:
        """Compact the waiting chunks, this many per transaction, and return how many there were.

        Chunks that arrive during this are left for later, so that it ends.
        """
        compacted = 0
        while self.deferred:
            async with connection.transaction():
                await connection.execute(SQL["share_upkeep"], self.log)
                taken = await self._compact_some(connection, chunks)
            compacted += taken
            if taken < chunks:
                break
        return compacted

    async def own(self, connection: "Connection") -> None:
        """Own the projections until the transaction ends."""
        await connection.execute(SQL["own_upkeep"], self.log)

    async def compact_before(self, connection: "Connection", before: date) -> None:
        """In a transaction that owns the upkeep, compact chunks with events that arrived before a day."""
        until = datetime.combine(before, time(), UTC)
        while self.deferred and await self._compact_some(connection, CHUNKS, until) == CHUNKS:
            pass

    async def rebuild(self, connection: "Connection", projection: Projection, month: Month) -> int:
        """Make a month of a projection again from the log while events are stored, and return its rows."""
        select = self.sql[projection.name]
        async with self._as_of_now(connection, projection):
            await connection.execute(projection.clear(), month.begins)
            filled = await connection.execute(projection.fill(select, month.partition))
        return int(filled.rpartition(" ")[2])

    async def erase(
        self, connection: "Connection", month: Month, student: str, students: Sequence[str]
    ) -> dict[str, int]:
        """Remove a month's events of students with all that they added; return how many rows of which table.

        ``student``: the column with a student's id. What has it in its key loses these rows. The others are
        made again without the events, because the greatest of something cannot be taken away from.
        """
        own, shared = self.of_students(student)
        erase_events = SQL["erase_events"].format(
            partition=identifier(month.partition), student=identifier(student)
        )
        await connection.execute(SQL["keep_upkeep"], self.log)  # before the snapshot, which it is to precede
        try:
            async with connection.transaction(isolation="repeatable_read"):
                for projection in shared:
                    if isinstance(projection, Immediate):  # before the snapshot, too
                        await connection.execute(SQL["lock"].format(table=identifier(projection.name)))
                while await self._compact_some(connection, CHUNKS) == CHUNKS:
                    pass
                removed = {self.log: await connection.fetchval(erase_events, students)}
                for projection in own:
                    done = await connection.execute(projection.erase(student), students)
                    removed[projection.name] = int(done.rpartition(" ")[2])
                for projection in shared:
                    await connection.execute(projection.clear(), month.begins)
                    select = self.sql[projection.name]
                    await connection.execute(projection.fill(select, month.partition))
        finally:
            await connection.execute(SQL["release_upkeep"], self.log)
        return removed

    def of_students(self, student: str) -> tuple[Sequence[Projection], Sequence[Projection]]:
        """Return the projections that have rows of one student each, and the others."""
        own = [projection for projection in self.projections if student in projection.key]
        return own, [projection for projection in self.projections if projection not in own]

    async def check(self, connection: "Connection", projection: Projection, month: Month) -> int:
        """Return how many rows of one month of a projection differ from what the log gives."""
        sql = projection.count_differences(self.sql[projection.name], month.partition)
        async with self._as_of_now(connection, projection):
            differences: int = await connection.fetchval(sql, month.begins)
        return differences

    async def months(self, connection: "Connection") -> Sequence[Month]:
        """Return the months that the log keeps, earliest first."""
        return [Month(*row) for row in await connection.fetch(SQL["months"], self.log)]

    async def waiting(self, connection: "Connection") -> tuple[int, datetime | None]:
        """Return how many chunks wait to be compacted, and when the oldest of them was stored."""
        [row] = await connection.fetch(SQL["waiting"], self.log)
        return row["chunks"], row["since"]

    def statements(self) -> Iterator[tuple[str, str]]:
        """Yield the statements of the projections, with every name filled in, each with a description."""
        if self.projections:
            yield "make_fresh", self._filled("make_fresh")
        if self.immediate:
            yield "take_span", self._filled("take_span")
        if self.deferred:
            yield "queue", SQL["queue"]
            yield "take_chunks", self._filled("take_chunks")
        for projection in self.projections:
            name, select = projection.name, self.sql[projection.name]
            yield f"{name}, {projection.kind}", projection.upsert(select, self._fresh)
            yield f"{name}, clear a month", projection.clear()
            yield f"{name}, fill a month", projection.fill(select, f"{self.log}_2026_11")

    @asynccontextmanager
    async def _as_of_now(self, connection: "Connection", projection: Projection) -> AsyncIterator[None]:
        """Open a transaction in which the projection and the log hold the same events.

        For a deferred projection, one snapshot of both is enough, once everything that it shows is compacted:
        what commits later is in neither. An immediate projection is locked, because its writers change it
        last, after the log.
        """
        if isinstance(projection, Immediate):
            async with connection.transaction():
                await connection.execute(SQL["lock"].format(table=identifier(projection.name)))
                yield
            return
        await connection.execute(SQL["keep_upkeep"], self.log)  # before the snapshot, which it is to precede
        try:
            async with connection.transaction(isolation="repeatable_read"):
                while await self._compact_some(connection, CHUNKS) == CHUNKS:
                    pass
                yield
        finally:
            await connection.execute(SQL["release_upkeep"], self.log)

    async def _compact_some(self, connection: "Connection", chunks: int, before: datetime = NEVER) -> int:
        await connection.execute(self._filled("make_fresh"))
        await connection.execute(self._filled("empty_fresh"))
        taken: int = await connection.fetchval(self._filled("take_chunks"), chunks, before, self.log)
        if taken:
            for projection in self.deferred:
                await connection.execute(projection.upsert(self.sql[projection.name], self._fresh))
        return taken

    @property
    def _fresh(self) -> str:
        return f"fresh_{self.log}"

    def _filled(self, statement: str) -> str:
        return SQL[statement].format(
            log=identifier(self.log),
            fresh=identifier(self._fresh),
            log_columns=identifiers(self.columns),
            event_columns=identifiers(self.columns, of="event"),
        )
