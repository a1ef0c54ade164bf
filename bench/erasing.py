"""A handler that knows nothing about erased students, and one that knows about many."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import asyncpg

from bench.contenders import Handler
from bench.workload import Invocation
from processor import environment
from processor.commands.erasing import bury_students
from processor.pipeline import Pipeline
from processor.projections.projection import SQL
from processor.projections.queue import Span
from processor.projections.upkeep import Upkeep
from processor.storage.connection import Deadline
from processor.storage.session import Session
from processor.storage.tombstones import read_tombstones
from processor.student_performance import PIPELINE as SHIPPED

if TYPE_CHECKING:
    from bench.server import BenchDatabase

ERASED: Final = 1_000

_FORGET: Final = "DELETE FROM tombstone; UPDATE erasure SET epoch = epoch - 1"
_QUEUE: Final = SQL["queue"].partition("RETURNING")[0]


class UnawareUpkeep(Upkeep):
    """Queues as if nobody could be erased: it is told nothing, and takes the first epoch for today's."""

    async def write(self, connection: "asyncpg.Connection", span: Span) -> int | None:
        """Queue the span."""
        await connection.execute(_QUEUE, *span)
        return 0


class UnawarePipeline(Pipeline):
    """A pipeline whose batches are kept by it."""

    @cached_property
    def upkeep(self) -> Upkeep:
        """What keeps the projections."""
        known = super().upkeep
        return UnawareUpkeep(known.log, known.columns, known.projections, known.sql)


UNAWARE_PIPELINE: Final = UnawarePipeline(**{f.name: getattr(SHIPPED, f.name) for f in fields(SHIPPED)})


class Remembering(Handler):
    """The handler in an environment that began after students were erased; none of them sends anything."""

    def __init__(self, target: "BenchDatabase") -> None:
        super().__init__(target)
        self._owner_dsn = target.owner_dsn
        self._knows = False

    def prepare(self, batch: Invocation) -> Callable[[], object]:
        """Have it read the tombstones first; the others never see them, because the epoch stays."""
        if not self._knows:
            environment.LOOP.run(self.database.run(self._learn, Deadline(60)))
            self._knows = True
        return super().prepare(batch)

    async def _learn(self, session: Session) -> None:
        owner = await asyncpg.connect(self._owner_dsn)
        known = await read_tombstones(owner)
        await bury_students(owner, known, [f"erased-{number}" for number in range(ERASED)])
        session.tombstones = replace(await read_tombstones(owner), epoch=known.epoch)
        await owner.execute(_FORGET)
        await owner.close()
