"""Projections give the same for any order, repetition, crash and concurrency, and after a rebuild."""

import asyncio
import json
import random
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.deriving import (
    A_MONTH,
    BOTH,
    at,
    compact,
    counted,
    derived,
    keep_compacting,
    rebuild,
    rows,
    run,
    with_both_means,
)
from tests.integration.processor.world import World, connect, event, record


@pytest.fixture(name="world")
async def _world(world: World) -> World:
    return await with_both_means(world)


# Each batch is a shard and the numbers of its events; the test delivers all batches twice, in any order.
_numbers = st.integers(0, 30) | st.integers(A_MONTH, A_MONTH + 30)
_batches = st.lists(
    st.tuples(st.integers(0, 1), st.lists(_numbers, min_size=1, max_size=12)),
    min_size=1,
    max_size=6,
)


@pytest.mark.long
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_batches, st.booleans(), st.randoms())
def test_any_order_repetition_split_crash_and_concurrency_is_one_clean_pass_and_a_rebuild(
    server: PostgresServer, batches: list[tuple[int, list[int]]], together: bool, chance: random.Random
) -> None:
    with asyncio.Runner() as loop:
        loop.run(_one_clean_pass(server, batches, chance, together=together))


async def _one_clean_pass(
    server: PostgresServer, batches: list[tuple[int, list[int]]], chance: random.Random, *, together: bool
) -> None:
    world, clean = [await with_both_means(await make_world(server)) for _ in range(2)]
    try:
        deliveries = [[at(number, shard) for number in numbers] for shard, numbers in [*batches, *batches]]
        chance.shuffle(deliveries)
        if together:
            done = asyncio.Event()
            killing = asyncio.create_task(_kill_now_and_then(world))
            compacting = asyncio.create_task(keep_compacting(world, done))
            await asyncio.gather(*(world.deliver(batch) for batch in deliveries))
            killing.cancel()
            done.set()
            await compacting
        else:
            for batch in deliveries:
                await world.deliver(batch)
                if chance.random() < 0.3:
                    await compact(world, chunks=chance.randint(1, 20))
        # Which of two deliveries keeps an event_id depends on their order, so the log is what counts.
        log = await world.owner.fetch("SELECT * FROM student_performance")
        assert await counted(world) == len(log)
        assert await results(world) == latest_of(log)
        kept = {(row["sequence_number"], row["source_id"]) for row in log}
        shard_of = {
            row["id"]: int(row["shard_id"][-12:])
            for row in await world.owner.fetch("SELECT id, shard_id FROM event_source")
        }
        for number, source_id in sorted(kept):
            await clean.deliver([at(int(number), shard_of[source_id])])
        before = await derived(world)
        assert before == await derived(clean)
        await rebuild(world)
        assert await derived(world) == before
    finally:
        await drop_world(server, world)
        await drop_world(server, clean)


async def results(world: World) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    found = await world.owner.fetch("SELECT * FROM assessment_result")
    return {tuple(row)[:3]: tuple(row)[3:] for row in found}


def latest_of(log: list[Any]) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Return what ``assessment_result`` should hold, computed from the log row by row."""
    found: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for row in sorted(log, key=itemgetter("occurred_at", "source_id", "sequence_number", "sub_sequence")):
        metadata = json.loads(row["metadata"])
        assessment, course = member(metadata, "assessment"), member(metadata, "course")
        scored = row["score"] is not None
        if not 1 <= len(assessment) <= 200 or not (scored or row["event_type"] == "submission"):
            continue
        key = course if len(course) <= 200 else "", assessment, row["student_id"]
        first, *score = found.get(key, (row["occurred_at"], None, None, None))
        maximum = metadata.get("max_score")
        usable = isinstance(maximum, int | float) and 1e-6 <= maximum <= 1e12
        if scored:
            score = [row["occurred_at"], row["score"], maximum if usable else None]
        found[key] = (first, *score)
    return found


def member(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


async def _kill_now_and_then(world: World) -> None:
    for _ in range(3):
        await asyncio.sleep(0.02)
        await world.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", world.login.username
        )


async def test_a_rebuild_while_events_are_stored_counts_each_once(world: World) -> None:
    done = asyncio.Event()

    async def write(shard: int) -> None:
        database = world.processor()
        for batch in range(25):
            await world.deliver([at(batch * 10 + n, shard) for n in range(10)], to=database)

    async def keep_rebuilding() -> int:
        rounds = 0
        while not done.is_set():
            await rebuild(world)
            rounds += 1
        return rounds

    rebuilding = asyncio.create_task(keep_rebuilding())
    compacting = asyncio.create_task(keep_compacting(world, done))
    await asyncio.gather(write(0), write(1), write(2))
    done.set()
    await compacting
    assert await rebuilding > 1
    assert await counted(world) == await world.count("student_performance")


SPOIL = """
    UPDATE {table} SET events = 0 WHERE student_id = 's1';
    DELETE FROM {table} WHERE student_id = 's2';
    INSERT INTO {table} VALUES ('c', 'zzz', '2026-11-01', 1, 0, 0, 0, 0, 0, 0, now(), now(), now());
"""


async def test_a_check_finds_and_a_rebuild_repairs_what_was_spoiled(world: World) -> None:
    await world.deliver([at(number) for number in range(20)])
    await compact(world)
    await world.deliver([at(number) for number in range(20, 40)])
    before = await rows(world, "student_course_at_once")
    for table in ("student_course", "student_course_at_once"):
        await world.owner.execute(SPOIL.format(table=table))
    found = (await run(world, command="check"))["differences"]
    assert min(found["student_course"], found["student_course_at_once"]) > 0
    await rebuild(world)
    assert (await derived(world))["student_course"] == before


# The pause between one row's lock and the next gives another writer time to get in between.
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON student_course_at_once
        FOR EACH ROW EXECUTE FUNCTION slowly();
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON student_course FOR EACH ROW EXECUTE FUNCTION slowly();
    GRANT EXECUTE ON FUNCTION slowly() TO PUBLIC;
"""


async def test_writers_that_meet_on_the_same_rows_do_not_deadlock(world: World) -> None:
    await world.owner.execute(SLOWLY)
    students = [f"s{number}" for number in range(8)]

    async def write(shard: int) -> int:
        database = world.processor()
        for batch in range(4):
            random.shuffle(students)
            await world.deliver(
                [
                    record(batch * 10 + n, event(1, student_id=student, event_id=...), shard=shard)
                    for n, student in enumerate(students)
                ],
                to=database,
            )
        return database.retries

    retries = await asyncio.gather(*(write(shard) for shard in range(3)))
    assert retries == [0, 0, 0]
    assert [row[3] for row in (await derived(world))["student_course"]] == [12] * 8


async def test_several_that_compact_at_once_do_not_deadlock_and_take_each_chunk_once(world: World) -> None:
    await world.owner.execute(SLOWLY)
    connections = [await connect(world.owner_login) for _ in range(3)]
    for batch in range(0, 120, 4):
        await world.deliver([at(number) for number in range(batch, batch + 4)])
    answers = await asyncio.gather(
        *(run(world, connection, command="compact", chunks=3) for connection in connections)
    )
    assert sum(answer["compacted"][BOTH.name] for answer in answers) <= 30
    assert await counted(world) == 120
    for connection in connections:
        await connection.close()


async def test_compaction_takes_what_is_there_in_transactions_of_so_many_chunks(world: World) -> None:
    for number in range(10):
        await world.deliver([at(number)])
    assert await compact(world, chunks=3) == 10
    assert await compact(world) == 0
    await world.deliver([at(number) for number in range(25)])
    assert await compact(world) == 1
    assert await counted(world) == 25


async def test_a_month_that_is_dropped_while_events_are_stored_counts_each_once(world: World) -> None:
    async def write(shard: int) -> int:
        database, stored = world.processor(), 0
        for batch in range(20):
            batch_records = [at(batch * 10 + n, shard) for n in range(10)]
            stored += (await world.deliver(batch_records, to=database)).saved.stored
        return stored

    async def drop() -> None:
        await asyncio.sleep(0.1)
        await run(world, command="retention", older_than="2026-12", kinds=["events"], dry_run=False)

    *stored, _ = await asyncio.gather(write(0), write(1), write(2), drop())
    assert await world.count("student_performance") == 0
    assert await counted(world) == sum(stored)
