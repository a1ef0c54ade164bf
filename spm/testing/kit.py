"""The test kit delivers an author's events in every way in which they may come, and compares the tables."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import asyncpg
import msgspec

from processor import migrations
from processor.errors import MigrationFailed, ProcessorError
from processor.pipeline import Pipeline
from processor.reports import AS_OF
from processor.statements import fill, identifier
from processor.storage.connection import open_connection
from processor.storage.event_log import SQL as LOG_SQL
from processor.storage.secret import Login
from spm.testing.differences import told
from spm.testing.events import SHARDS, STREAM, Given, Sent, Unsteady, sent
from spm.testing.shrinking import smallest
from spm.testing.store import SECONDS, SQL, EventStore, Row, Tables
from spm.testing.ways import CLEAN, WAYS, Scenario

T = TypeVar("T")


class PipelineFault(AssertionError):
    """Says what is wrong with a pipeline: after which way of delivery, in which row, with which events."""


@dataclass(frozen=True)
class Stored:
    """What one clean delivery of the events gives; a rejection's ``event`` says which event it is about."""

    events: Sequence[Row]
    rejected: Sequence[Row]
    projections: Mapping[str, Sequence[Row]]
    _answer: Callable[[str, Mapping[str, object]], Sequence[Row]] = field(repr=False)

    def report(self, name: str, **narrowed: object) -> Sequence[Row]:
        """Return the rows of one of the pipeline's reports, narrowed down by its filters and times."""
        return self._answer(name, narrowed)


class PipelineKit:
    """Tries pipelines on one PostgreSQL, with a new database for each delivery."""

    def __init__(self, server: Login) -> None:
        self._server = server
        self._processor = msgspec.structs.replace(server, username="processor", password="processor")  # noqa: S106 - thrown away with its server
        self._templates: dict[Pipeline, str] = {}
        self._numbers = count(1)
        self._kept: list[str] = []

    def check(self, pipeline: Pipeline, events: Sequence[Given]) -> Stored:
        """Deliver the events in every way, and return what one clean delivery of them gives.

        Raises PipelineFault if another way leaves other tables or the parser is not a function of the bytes,
        and WrongSample if two events have the same event_id.
        """
        __tracebackhide__ = True
        try:
            return _run(self._check(pipeline, events))
        except PipelineFault as fault:
            raise fault.with_traceback(None) from None  # the kit's own frames would not help an author

    def forget(self) -> None:
        """Drop the databases of the returned results, whose reports cannot be asked for any more."""
        _run(self._drop_kept())

    async def _check(self, pipeline: Pipeline, events: Sequence[Given]) -> Stored:
        try:
            sample = sent(pipeline, events)
            await self._make_template(pipeline)
        except (Unsteady, MigrationFailed) as error:
            raise PipelineFault(f"{pipeline.name}: {error}") from None
        clean = await self._outcome(pipeline, CLEAN, sample)
        for way in WAYS:
            if fault := await self._fault(pipeline, way, sample, clean):
                raise PipelineFault(await self._with_few_events(pipeline, way, sample, fault))
        return await self._stored(pipeline, sample)

    async def _with_few_events(
        self, pipeline: Pipeline, way: Scenario, sample: Sequence[Sent], fault: str
    ) -> str:
        async def shows(fewer: Sequence[Sent]) -> str:
            return await self._fault(pipeline, way, fewer, await self._outcome(pipeline, CLEAN, fewer))

        few, fault = await smallest(sample, fault, shows)
        them = "this event alone shows" if len(few) == 1 else "these events alone show"
        return "\n".join([fault, f"  {them} it:", *(f"    {event}" for event in few)])

    async def _fault(
        self, pipeline: Pipeline, way: Scenario, sample: Sequence[Sent], clean: Tables | str
    ) -> str:
        """Return what is wrong after a way, or an empty text if all is well."""
        if isinstance(clean, str):
            return f"{pipeline.name}: {CLEAN.name} fails: {clean}"
        other = await self._outcome(pipeline, way, sample)
        if isinstance(other, str):
            return f"{pipeline.name}: {way.name} ({way.told}): it fails: {other}"
        return told(pipeline, way, clean, other)

    async def _outcome(self, pipeline: Pipeline, way: Scenario, sample: Sequence[Sent]) -> Tables | str:
        """Return the tables after a way, or why it fails."""
        async with self._store(pipeline) as store:
            try:
                await way.run(store, sample)
            except (asyncpg.PostgresError, ProcessorError, RuntimeError) as error:
                return f"{type(error).__name__}: {' '.join(str(error).split())}"
            return await store.tables()

    async def _stored(self, pipeline: Pipeline, sample: Sequence[Sent]) -> Stored:
        async with self._store(pipeline, keep=True) as store:
            await CLEAN.run(store, sample)
            tables = await store.tables()
        name = self._kept[-1]

        def answer(report: str, narrowed: Mapping[str, object]) -> Sequence[Row]:
            return _run(self._report(name, pipeline, report, narrowed))

        projections = {p.name: [*tables[p.name].values()] for p in pipeline.projections}
        rejected = [
            {"event": int(str(row["sequence_number"])), **row} for row in tables["rejected_event"].values()
        ]
        return Stored([*tables[pipeline.table].values()], rejected, projections, answer)

    async def _report(
        self, database: str, pipeline: Pipeline, name: str, narrowed: Mapping[str, object]
    ) -> Sequence[Row]:
        if name not in pipeline.reports:
            raise LookupError(f"{pipeline.name} has no report {name}; it has {', '.join(pipeline.reports)}")
        report = pipeline.reports[name]
        if unknown := [given for given in narrowed if given not in report.parameters]:
            raise LookupError(f"{name} takes {', '.join(report.parameters)}, not {', '.join(unknown)}")
        values = {AS_OF: datetime.now(UTC), **narrowed}
        async with _connected(self._server, database) as connection:
            rows = await connection.fetch(report.sql, *map(values.get, report.parameters))
        return [dict(row) for row in rows]

    async def _make_template(self, pipeline: Pipeline) -> None:
        """Make a database with the pipeline's tables, and the shards in the same order for all deliveries."""
        if pipeline in self._templates:
            return
        name = f"template_{next(self._numbers)}"
        await self._make_database(name, "template1")
        async with _connected(self._server, name) as owner:
            await migrations.migrate(owner, self._processor, [pipeline])
            for shard in SHARDS:
                await owner.execute(LOG_SQL["add_source"], STREAM, shard, pipeline.name)
        self._templates[pipeline] = name

    @asynccontextmanager
    async def _store(self, pipeline: Pipeline, *, keep: bool = False) -> AsyncIterator[EventStore]:
        name = f"delivered_{next(self._numbers)}"
        await self._make_database(name, self._templates[pipeline])
        self._kept.append(name)
        async with _connected(self._server, name) as owner:
            yield EventStore(pipeline, owner, msgspec.structs.replace(self._processor, dbname=name))
        if not keep:
            await self._drop_kept(name)

    async def _make_database(self, name: str, template: str) -> None:
        blanks = {"name": identifier(name), "template": identifier(template)}
        async with _connected(self._server, self._server.dbname) as admin:
            await admin.execute(fill(SQL["make_database"], blanks))

    async def _drop_kept(self, *names: str) -> None:
        async with _connected(self._server, self._server.dbname) as admin:
            for name in names or [*self._kept]:
                await admin.execute(fill(SQL["drop_database"], {"name": identifier(name)}))
                self._kept.remove(name)


@asynccontextmanager
async def _connected(login: Login, database: str) -> AsyncIterator[asyncpg.Connection]:
    login = msgspec.structs.replace(login, dbname=database)
    connection = await open_connection(login, "disable", SECONDS)
    try:
        yield connection
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work to its end, whether or not a loop is running here already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
