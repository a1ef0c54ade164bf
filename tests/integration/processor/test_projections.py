"""Projections: the same for any order, repetition, crash and concurrency, and by a rebuild."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest
from asyncpg import Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from processor import commands, migrations
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.projections.projection import Immediate
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.connection import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import ARRIVAL, World, connect, event, record

# The same table twice: by compaction, as shipped, and at once.
DEFERRED = SHIPPED.projections[0]
AT_ONCE = Immediate(
    **{field.name: getattr(DEFERRED, field.name) for field in fields(DEFERRED)} | {"name": "activity_at_once"}
)


class Twice(Pipeline):
    """The pipeline that ships with another statement, without a folder of its own."""

    @cached_property
    def own_sql(self) -> Mapping[str, str]:
        return {**SHIPPED.own_sql, AT_ONCE.name: SHIPPED.own_sql[DEFERRED.name]}


BOTH = Twice(
    **{field.name: getattr(SHIPPED, field.name) for field in fields(SHIPPED)}
    | {"projections": (DEFERRED, AT_ONCE)}
)
SETTINGS = Settings("no secret", pipelines={BOTH.name: BOTH}, pipeline=BOTH)
TABLES = """
    CREATE TABLE activity_at_once (LIKE student_activity INCLUDING ALL);
"""
ACTIVITY = "SELECT * FROM student_activity ORDER BY student_id, day, month"
ACTIVITY_AT_ONCE = "SELECT * FROM activity_at_once ORDER BY student_id, day, month"
EVENTS = 3  # the position of the column
SUMS_THAT_DOUBLES_GET_WRONG = (0.1, 0.2, 0.3, 1e15, -1e15, 1e-9, 7, None)
A_MONTH = 30 * 86_400_000  # in the numbers of records: they arrive a millisecond apart


def at(number: int, shard: int = 0) -> KinesisRecord:
    """Return one of a few students' events; two shards bring some of the same event_ids."""
    return record(
        number,
        event(
            number if number % 3 else number + 1000 * shard,
            student_id=f"s{number % 4}",
            score=SUMS_THAT_DOUBLES_GET_WRONG[number % len(SUMS_THAT_DOUBLES_GET_WRONG)],
            timestamp=datetime.fromtimestamp(ARRIVAL - number % 1000 * 3600, UTC).isoformat(),
            event_id=... if number % 5 == 0 else event_id(number, shard),
        ),
        shard=shard,
    )


def event_id(number: int, shard: int) -> str:
    return f"00000000-0000-4000-8000-{number if number % 3 else number + 1000 * shard:012d}"


async def run(world: World, connection: Connection | None = None, **wanted: Any) -> dict[str, Any]:
    return await commands.parse(wanted).run(Session(connection or world.owner), SETTINGS)


async def rebuild(world: World) -> None:
    for projection in BOTH.projections:
        after: str | None = None
        while True:
            answer = await run(world, command="rebuild", projection=projection.name, after=after)
            after = answer["next"]
            if after is None:
                break


async def compact(world: World, *, chunks: int = 100) -> int:
    compacted: int = (await run(world, command="compact", chunks=chunks))["compacted"][BOTH.name]
    return compacted


async def keep_compacting(world: World, done: asyncio.Event) -> None:
    connection = await connect(world.owner_login)
    while not done.is_set():
        await run(world, connection, command="compact", chunks=2)
    await connection.close()


async def activity(world: World) -> list[tuple[Any, ...]]:
    """Return what is derived, which is the same by both means and what the log gives."""
    await compact(world)
    rows = [tuple(row) for row in await world.owner.fetch(ACTIVITY)]
    assert rows == [tuple(row) for row in await world.owner.fetch(ACTIVITY_AT_ONCE)]
    assert await run(world, command="check") == {
        "differences": {"student_activity": 0, "activity_at_once": 0}
    }
    return rows


async def with_both_means(world: World) -> World:
    await world.owner.execute(TABLES)
    world.pipeline = BOTH
    await migrations.migrate(world.owner, world.login, [BOTH])
    return world


@pytest.fixture(name="world")
async def _world(world: World) -> World:
    return await with_both_means(world)


async def test_what_student_activity_holds(world: World) -> None:
    days = ("2026-11-21T23:59:59+00:00", "2026-11-22T00:30:00+01:00", "2026-11-22T08:00:00Z")
    scores = (0.1, 0.2, None)
    await world.deliver(
        [
            record(n, event(n, student_id="s", timestamp=day, score=score))
            for n, (day, score) in enumerate(zip(days, scores, strict=True))
        ]
    )
    await compact(world)
    [first, second] = await world.owner.fetch(ACTIVITY)
    assert (str(first["day"]), str(first["month"])) == ("2026-11-21", "2026-11-01")
    assert (first["events"], first["scored"]) == (2, 2)
    assert (str(first["score_sum"]), str(first["score_squares"])) == ("0.3", "0.05")
    expected = datetime.fromisoformat(days[0]) - datetime.fromisoformat(days[1])
    assert first["last_at"] - first["first_at"] == expected
    assert (str(second["day"]), second["events"], second["scored"], second["score_sum"]) == (
        "2026-11-22",
        1,
        0,
        0,
    )


async def test_a_score_keeps_all_its_digits(world: World) -> None:
    await world.deliver([record(1, event(1, score=0.12345678901234568))])
    assert str((await activity(world))[0][5]) == "0.12345678901234568"


async def test_a_batch_waits_as_one_row_without_data(world: World) -> None:
    await world.deliver([at(number) for number in range(7)])
    [chunk] = await world.owner.fetch("SELECT * FROM chunk")
    assert (chunk["log"], chunk["first"], chunk["last"]) == ("student_performance", f"{0:056d}", f"{6:056d}")
    assert await world.owner.fetchval("SELECT count(*) FROM student_activity") == 0
    assert await compact(world) == 1
    assert await world.owner.fetchval("SELECT sum(events) FROM student_activity") == 7
    assert await compact(world) == 0


async def test_duplicates_do_not_count_again(world: World) -> None:
    batch = [at(number) for number in range(20)]
    await world.deliver(batch)
    before = await activity(world)
    await world.deliver(batch)
    await world.deliver([*batch, at(21)][::-1])
    once = await activity(world)
    assert sum(row[EVENTS] for row in before) == 20
    assert sum(row[EVENTS] for row in once) == 21


# What arrives: per shard batches of numbers, again and again, in any order.
_batches = st.lists(
    st.tuples(st.integers(0, 1), st.lists(st.integers(0, 30), min_size=1, max_size=12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        # Which of two deliveries keeps an event_id depends on their order; what is stored is what counts.
        log = await world.owner.fetch("SELECT * FROM student_performance")
        assert sum(row[EVENTS] for row in await activity(world)) == len(log)
        kept = {(row["sequence_number"], row["source_id"]) for row in log}
        shard_of = {
            row["id"]: int(row["shard_id"][-12:])
            for row in await world.owner.fetch("SELECT id, shard_id FROM event_source")
        }
        for number, source_id in sorted(kept):
            await clean.deliver([at(int(number), shard_of[source_id])])
        before = await activity(world)
        assert before == await activity(clean)
        await rebuild(world)
        assert await activity(world) == before
    finally:
        await drop_world(server, world)
        await drop_world(server, clean)


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
    stored = await world.count("student_performance")
    assert sum(row[EVENTS] for row in await activity(world)) == stored


SPOIL = """
    UPDATE {table} SET events = 0 WHERE student_id = 's1';
    DELETE FROM {table} WHERE student_id = 's2';
    INSERT INTO {table} VALUES ('zzz', '2026-01-01', '2026-11-01', 1, 0, 0, 0, now(), now());
"""


async def test_a_check_finds_and_a_rebuild_repairs_what_was_spoiled(world: World) -> None:
    await world.deliver([at(number) for number in range(20)])
    await compact(world)
    await world.deliver([at(number) for number in range(20, 40)])
    before = await world.owner.fetch(ACTIVITY_AT_ONCE)
    for table in ("student_activity", "activity_at_once"):
        await world.owner.execute(SPOIL.format(table=table))
    found = (await run(world, command="check"))["differences"]
    assert min(found.values()) > 0
    await rebuild(world)
    assert await activity(world) == [tuple(row) for row in before]


# Between one row's lock and the next there is time enough for another writer to get in between.
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON activity_at_once FOR EACH ROW EXECUTE FUNCTION slowly();
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON student_activity FOR EACH ROW EXECUTE FUNCTION slowly();
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
    assert [row[EVENTS] for row in await activity(world)] == [12] * 8


async def test_several_that_compact_at_once_do_not_deadlock_and_take_each_chunk_once(world: World) -> None:
    await world.owner.execute(SLOWLY)
    connections = [await connect(world.owner_login) for _ in range(3)]
    for batch in range(0, 120, 4):
        await world.deliver([at(number) for number in range(batch, batch + 4)])
    answers = await asyncio.gather(
        *(run(world, connection, command="compact", chunks=3) for connection in connections)
    )
    assert sum(answer["compacted"][BOTH.name] for answer in answers) <= 30
    assert sum(row[EVENTS] for row in await activity(world)) == 120
    for connection in connections:
        await connection.close()


async def test_compaction_takes_what_is_there_in_transactions_of_so_many_chunks(world: World) -> None:
    for number in range(10):
        await world.deliver([at(number)])
    assert await compact(world, chunks=3) == 10
    assert await compact(world) == 0
    await world.deliver([at(number) for number in range(25)])
    assert await compact(world) == 1
    assert sum(row[EVENTS] for row in await activity(world)) == 25


async def test_an_unknown_projection_is_named(world: World) -> None:
    with pytest.raises(
        CommandError,
        match="grades is no projection of student-performance; there are: student_activity, activity_at_once",
    ):
        await run(world, command="rebuild", projection="grades")


async def test_an_event_that_an_immediate_projection_refuses_is_rejected_and_the_others_are_stored(
    world: World,
) -> None:
    await world.owner.execute("ALTER TABLE activity_at_once ADD CONSTRAINT no_s1 CHECK (student_id <> 's1')")
    saved = (await world.deliver([at(number) for number in range(8)])).saved
    assert (saved.stored, dict(saved.rejected)) == (6, {"not_storable": 2})
    assert sum(row[EVENTS] for row in await activity(world)) == 6


async def test_what_was_dropped_stays_dropped_and_its_figures_stay(world: World) -> None:
    old, new = [at(number) for number in range(10)], [at(A_MONTH + number) for number in range(10)]
    await world.deliver([*old, *new])
    before = await world.owner.fetch(ACTIVITY_AT_ONCE)
    await run(world, command="retention", older_than="2026-12", dry_run=False)
    for _ in range(2):
        result = await world.deliver([*old, *new])
        assert (result.saved.stored, result.saved.duplicates, result.saved.expired) == (0, 10, 10)
        assert (result.received, result.first_deferred) == (20, None)
    assert await activity(world) == [tuple(row) for row in before]
    await rebuild(world)
    assert await activity(world) == [tuple(row) for row in before]
    assert await world.count("student_performance") == 10


async def test_a_month_that_is_dropped_while_events_are_stored_counts_each_once(world: World) -> None:
    async def write(shard: int) -> int:
        database, stored = world.processor(), 0
        for batch in range(20):
            batch_records = [at(batch * 10 + n, shard) for n in range(10)]
            stored += (await world.deliver(batch_records, to=database)).saved.stored
        return stored

    async def drop() -> None:
        await asyncio.sleep(0.1)
        await run(world, command="retention", older_than="2026-12", dry_run=False)

    *stored, _ = await asyncio.gather(write(0), write(1), write(2), drop())
    assert await world.count("student_performance") == 0
    assert sum(row[EVENTS] for row in await activity(world)) == sum(stored)
