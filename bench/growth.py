"""What a batch costs when millions of events are stored, compared with an empty table on the same server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg

from bench.contenders import Handler, quiet
from bench.measure import Rounds, Task, compare
from bench.results import Row
from bench.server import PROCESSOR, BenchDatabase, Busy, new_target, server
from bench.workload import Workload
from processor import statements

SQL: Final = statements.load(Path(__file__).with_name("growth.sql"))

BATCH: Final = 500
BATCHES: Final = 5
ROUNDS: Final = 9
CHUNK: Final = 250_000
EVENTS_OF_A_STUDENT: Final = 500
MORE_BATCHES: Final = 200

EMPTY: Final = "empty table"
GROWN: Final = "grown table"
REDELIVERED: Final = "grown table, batch delivered again"


def measure(millions: int, save: Callable[[list[Row]], object] = lambda _: None) -> list[Row]:
    """Return a row for each size, from one million up to ``millions``; ``save`` those so far after each."""
    sizes = [size for size in (1, 10, 50) if size < millions] + [millions]
    rows = []
    with server() as postgres:
        empty = Handler(new_target(postgres, f"{PROCESSOR}_empty"))
        for size in sizes:
            target = new_target(postgres, f"{PROCESSOR}_grown")
            asyncio.run(_fill(target.owner_dsn, size * 1_000_000))
            rows.append(_measure(size, target, empty))
            save(rows)
        empty.close()
    return rows


def _measure(millions: int, target: BenchDatabase, empty: Handler) -> Row:
    grown = Handler(target)
    work = Workload("with event_id")

    def again() -> Callable[[], object]:
        batch = work.batch(BATCH)
        grown.run(batch.event)
        return grown.prepare(batch)

    tasks = (
        Task(EMPTY, BATCH, lambda: empty.prepare(work.batch(BATCH)), BATCHES),
        Task(GROWN, BATCH, lambda: grown.prepare(work.batch(BATCH)), BATCHES),
        Task(REDELIVERED, BATCH, again, BATCHES),
    )
    with quiet():
        after_a_checkpoint = compare(tasks, ROUNDS, lambda: Busy(f"{PROCESSOR}_"))
        before = _resident_mib()
        for _ in range(MORE_BATCHES):
            grown.run(work.batch(BATCH).event)
        memory = _resident_mib() - before
        later = compare(tasks, ROUNDS, lambda: Busy(f"{PROCESSOR}_"))
    grown.close()
    return _row(millions, after_a_checkpoint, later, asyncio.run(_size(target.owner_dsn)), memory)


def _row(
    millions: int, after_a_checkpoint: Rounds, later: Rounds, size: asyncpg.Record, memory: float
) -> Row:
    return {
        "million_events": millions,
        "events_GiB": round(size["events_bytes"] / 2**30, 2),
        "identities_GiB": round(size["identities_bytes"] / 2**30, 2),
        "cost_by_clock": later.ratio(EMPTY, GROWN).rounded(2),
        "cost_by_processor_time": later.busy_ratio(EMPTY, GROWN).rounded(2),
        "cost_right_after_a_checkpoint_by_clock": after_a_checkpoint.ratio(EMPTY, GROWN).rounded(2),
        "redelivery_by_clock": later.ratio(EMPTY, REDELIVERED).rounded(2),
        "redelivery_by_processor_time": later.busy_ratio(EMPTY, REDELIVERED).rounded(2),
        f"MiB_more_after_{MORE_BATCHES}_batches": round(memory, 1),
    }


async def _fill(dsn: str, events: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET synchronous_commit = off")  # nothing here is measured
        await connection.execute(SQL["months"])
        students = max(1, events // EVENTS_OF_A_STUDENT)
        for first in range(0, events, CHUNK):
            await connection.execute(SQL["fill"], first, first + CHUNK, float(events), float(students))
        await connection.execute(SQL["fill_identities"])
        await connection.execute("VACUUM ANALYZE student_performance, event_identity")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _size(dsn: str) -> asyncpg.Record:
    connection = await asyncpg.connect(dsn)
    try:
        return (await connection.fetch(SQL["size"]))[0]
    finally:
        await connection.close()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 2**20
