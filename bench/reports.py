"""How long reports and pages take over millions of events, while more come in."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg

from bench.contenders import Handler, quiet
from bench.results import Row
from bench.server import BenchDatabase, new_target, server, target_of
from bench.workload import Workload
from processor import statements
from processor.commands.command import Command
from processor.commands.compact import Compact
from processor.commands.course import ShowCourse
from processor.commands.overview import ShowOverview, ShowRevision
from processor.commands.query import Query
from processor.commands.rebuild import Rebuild
from processor.commands.refresh import Refresh
from processor.commands.status import Status
from processor.commands.student import Search, ShowStudent
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE

SQL: Final = statements.load(Path(__file__).with_name("reports.sql"))

CHUNK: Final = 250_000
TIMES: Final = 40
BATCH: Final = 500
BATCHES_PER_SECOND: Final = 4
COMPACT_SECONDS: Final = 60.0

COURSE: Final = {"course": "COURSE-7"}
STUDENT: Final = {"student_id": "student-77"}
WEEK: Final = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-08T00:00:00Z"}
TYPE: Final = {"event_type": "quiz_score"}

ASKED: Final[dict[str, Command[Any]]] = {
    "students": Query("students"),
    "students of a course": Query("students", COURSE),
    "courses": Query("courses"),
    "courses of a student": Query("courses", STUDENT),
    "types": Query("types"),
    "types of a course in a week": Query("types", COURSE | WEEK),
    "days": Query("days"),
    "days of a course and a type": Query("days", COURSE | TYPE),
    "student": Query("student", STUDENT),
    "distribution of a course": Query("distribution", COURSE),
    "missing in a course": Query("missing", COURSE),
    "inactive in a course": Query("inactive", COURSE),
    "inactive": Query("inactive"),
    "status": Status(),
    "page: overview": ShowOverview(),
    "page: overview of a teacher": ShowOverview(as_teacher="teacher-7"),
    "page: course": ShowCourse(course="COURSE-7"),
    "page: student": ShowStudent(student="student-77"),
    "page: search": Search(text="name 777"),
    "page: revision": ShowRevision(),
}


def measure(millions: float) -> list[Row]:
    """Return a row for each question: the first answer of a started server, and the 95th percentile later."""
    with server() as postgres:
        asyncio.run(fill(new_target(postgres).owner_dsn, int(millions * 1_000_000)))
        postgres.stop()
        postgres.start()
        target = target_of(postgres)
        with quiet(), _coming_in(target):
            return asyncio.run(_ask(target.owner_dsn, millions))


async def fill(dsn: str, events: int) -> None:
    """Store a university's roster and events, make the projections and evaluate risk."""
    connection = await asyncpg.connect(dsn)
    settings = Settings("no secret holds this login")
    try:
        await connection.execute("SET synchronous_commit = off")  # nothing here is measured
        await connection.execute(SQL["roster"])
        for first in range(0, events, CHUNK):
            await connection.execute(SQL["fill"], first, first + CHUNK, float(events))
        await connection.execute(SQL["settle"])
        await _rebuild(Session(connection), settings)
        await connection.execute(SQL["settle"])
        await Refresh().run(Session(connection), settings)
        await connection.execute(SQL["settle"])
    finally:
        await connection.close()


async def _rebuild(session: Session, settings: Settings) -> None:
    for projection in PIPELINE.projections:
        month = None
        while (answer := await Rebuild(projection=projection.name, after=month).run(session, settings)).next:
            month = answer.next


async def _ask(dsn: str, millions: float) -> list[Row]:
    connection = await asyncpg.connect(dsn)
    session, settings = Session(connection), Settings("no secret holds this login")
    try:
        cold = {name: await _seconds(command.run(session, settings)) for name, command in ASKED.items()}
        warm: dict[str, list[float]] = {name: [] for name in ASKED}
        for _ in range(TIMES):
            for name, command in ASKED.items():
                warm[name].append(await _seconds(command.run(session, settings)))
    finally:
        await connection.close()
    return [
        {
            "million_events": millions,
            "task": name,
            "first_ms": round(cold[name] * 1000, 1),
            "p50_ms": round(sorted(warm[name])[TIMES // 2] * 1000, 1),
            "p95_ms": round(sorted(warm[name])[int(TIMES * 0.95) - 1] * 1000, 1),
        }
        for name in ASKED
    ]


async def _seconds(answer: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await answer
    return time.perf_counter() - begun


@contextmanager
def _coming_in(target: BenchDatabase) -> Iterator[None]:
    """Store 2,000 events per second by the handler, and compact every minute, until left."""
    done = threading.Event()
    thread = threading.Thread(target=_store, args=(target, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _store(target: BenchDatabase, done: threading.Event) -> None:
    handler, work = Handler(target), Workload("with event_id")
    compact = _compacting(target)
    compacted = time.monotonic()
    while not done.wait(1 / BATCHES_PER_SECOND):
        handler.run(work.batch(BATCH).event)
        if time.monotonic() - compacted > COMPACT_SECONDS:
            compacted = time.monotonic()
            compact()
    handler.close()


def _compacting(target: BenchDatabase) -> Callable[[], None]:
    async def compact() -> None:
        connection = await asyncpg.connect(target.owner_dsn)
        await Compact().run(Session(connection), Settings("no secret holds this login"))
        await connection.close()

    return lambda: asyncio.run(compact())
