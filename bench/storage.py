"""Bytes an event takes, and what variations of the schema would give: COPY of the same rows into each."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Final

import asyncpg

from bench.contenders import Limit, quiet
from bench.measure import Rounds, Task, compare
from bench.results import Row
from bench.server import PROCESSOR, BenchDatabase, Busy, new_target, server
from bench.workload import Workload
from emulation.postgres import PostgresServer
from processor import statements

SQL: Final = statements.load(Path(__file__).with_name("storage.sql"))
BASE: Final = "as_it_is"
VARIANTS: Final = [name for name in SQL if name != "relations"]

BATCH: Final = 5_000
ROUNDS: Final = 9
BATCHES: Final = 2


def measure() -> list[Row]:
    """Return a row for each relation of the schema, and one for each variant."""
    with server() as postgres, quiet():
        limits = {name: _limit(postgres, name) for name in VARIANTS}
        work = Workload("with event_id")
        tasks = [
            Task(name, BATCH, lambda limit=limit: limit.prepare(work.batch(BATCH)), BATCHES)  # type: ignore[misc]
            for name, limit in limits.items()
        ]
        result = compare(tasks, ROUNDS, lambda: Busy(f"{PROCESSOR}_"))
        sizes = {name: asyncio.run(_sizes(postgres.dsn(_database(name)))) for name in VARIANTS}
        for limit in limits.values():
            limit.close()
    events = BATCH * (BATCHES * ROUNDS + 2)
    sent = [event.payload for event in work.batch(BATCH).events]
    sizes_of_it = {"part": "sent", "sent_bytes_per_event": round(sum(map(len, sent)) / BATCH, 1)}
    return [
        sizes_of_it,
        *_relations(sizes[BASE], events),
        *(_variant(name, result, sizes, events) for name in VARIANTS),
    ]


def _limit(postgres: PostgresServer, variant: str) -> Limit:
    target = new_target(postgres, _database(variant))
    asyncio.run(_execute(target, SQL[variant]))
    return Limit(target, sequence_number=Decimal if "numeric" in variant else str)


def _database(variant: str) -> str:
    return f"{PROCESSOR}_{VARIANTS.index(variant)}"


def _relations(of: dict[str, tuple[bool, int]], events: int) -> list[Row]:
    return [
        {
            "part": "relations",
            "relation": name,
            "kind": "index" if is_index else "heap",
            "bytes_per_event": round(size / events, 1),
        }
        for name, (is_index, size) in of.items()
    ]


def _variant(name: str, result: Rounds, sizes: dict[str, dict[str, tuple[bool, int]]], events: int) -> Row:
    heap = sum(size for is_index, size in sizes[name].values() if not is_index)
    indexes = sum(size for is_index, size in sizes[name].values() if is_index)
    return {
        "part": "variants",
        "variant": name.replace("_", " "),
        "heap_bytes_per_event": round(heap / events, 1),
        "index_bytes_per_event": round(indexes / events, 1),
        "COPY_rate_by_processor_time": result.busy_ratio(name, BASE).rounded(3),
        "COPY_rate_by_clock": result.ratio(name, BASE).rounded(3),
    }


async def _execute(target: BenchDatabase, sql: str) -> None:
    connection = await asyncpg.connect(target.owner_dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _sizes(dsn: str) -> dict[str, tuple[bool, int]]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM student_performance, event_identity")
        rows = await connection.fetch(SQL["relations"])
        return {row["relation"]: (row["is_index"], row["bytes"]) for row in rows}
    finally:
        await connection.close()
