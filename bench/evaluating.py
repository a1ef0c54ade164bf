"""How long risk takes for one large course, for a whole university, and in a minute with few changes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from bench import reports
from bench.contenders import quiet
from bench.results import Row
from bench.server import new_target, server
from processor import statements
from processor.insight import risk
from processor.insight.risk import Evaluated

SQL: Final = statements.load(Path(__file__).with_name("evaluating.sql"))

EVENTS: Final = 1_000_000
ROUNDS: Final = 5
AT: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


def measure() -> list[Row]:
    """Return a row for each situation."""
    with server() as postgres, quiet():
        large = asyncio.run(_large_course(new_target(postgres, "bench_large").owner_dsn))
        target = new_target(postgres)
        asyncio.run(reports.fill(target.owner_dsn, EVENTS))
        return [large, *asyncio.run(_university(target.owner_dsn))]


async def _large_course(dsn: str) -> Row:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SQL["large_course"])
        await connection.execute(SQL["settle"])
        times = []
        for _ in range(ROUNDS):
            await connection.execute(SQL["touch"], "LARGE")
            times.append(await _timed(connection))
    finally:
        await connection.close()
    return _row("a course of 2,000 students and 20 pieces of work", times)


async def _university(dsn: str) -> list[Row]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SQL["forget"])
        first = await _timed(connection)
        times = []
        for _ in range(ROUNDS):
            await connection.execute(SQL["touch"], "COURSE-7")
            times.append(await _timed(connection))
        idle = [await _timed(connection) for _ in range(ROUNDS)]
    finally:
        await connection.close()
    return [
        _row("100 courses of 1,000 students, for the first time", [first]),
        _row("the same, one course changed", times),
        _row("the same, nothing changed", idle),
    ]


async def _timed(connection: asyncpg.Connection) -> tuple[float, Evaluated]:
    begun = time.perf_counter()
    evaluated = await risk.evaluate_due(connection, AT + timedelta(seconds=1))
    return time.perf_counter() - begun, evaluated


def _row(what: str, times: list[tuple[float, Evaluated]]) -> Row:
    _, evaluated = times[-1]
    return {
        "what": what,
        "courses": evaluated.courses,
        "rows_written": evaluated.written,
        "median_seconds": round(sorted(seconds for seconds, _ in times)[len(times) // 2], 2),
    }
