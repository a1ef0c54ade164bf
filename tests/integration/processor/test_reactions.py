"""Derived tables: the same for any order, repetition, crash and concurrency, and by a rebuild."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncpg import Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from processor import commands, migrations
from processor.connection import Session
from processor.decode import KinesisRecord
from processor.errors import CommandError
from processor.pipeline import Reaction
from processor.pipelines import SHIPPED
from processor.settings import Settings
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import ARRIVAL, World, connect, event, record

# The same table by both means: from deltas that are folded later, as shipped, and by a statement at once.
DELTAS = SHIPPED.reactions[0]
AT_ONCE = Reaction("activity_at_once", DELTAS.columns)
UPSERT = """
    INSERT INTO activity_at_once AS stored
    SELECT
        student_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*), count(score),
        coalesce(sum(score::numeric), 0), coalesce(sum(score::numeric * score::numeric), 0),
        min(occurred_at), max(occurred_at)
    FROM unnest($1::text[], $2::timestamptz[], $3::float[]) AS event (student_id, occurred_at, score)
    GROUP BY student_id, day
    ORDER BY student_id, day
    ON CONFLICT (student_id, day) DO UPDATE SET
        events = stored.events + excluded.events, scored = stored.scored + excluded.scored,
        score_sum = stored.score_sum + excluded.score_sum,
        score_squares = stored.score_squares + excluded.score_squares,
        first_at = least(stored.first_at, excluded.first_at),
        last_at = greatest(stored.last_at, excluded.last_at)
"""
CLEAR = """
    DELETE FROM activity_at_once
    WHERE student_id > coalesce($1::text, '') AND ($2::text IS NULL OR student_id <= $2)
"""
BOTH = replace(
    SHIPPED,
    reactions=(DELTAS, AT_ONCE),
    sql={
        **SHIPPED.sql,
        "activity_at_once": UPSERT,
        "activity_at_once_slice": SHIPPED.sql["student_activity_slice"],
        "activity_at_once_clear": CLEAR,
        "activity_at_once_fill": SHIPPED.sql["student_activity_fill"].replace(
            "student_activity_day", "activity_at_once"
        ),
    },
)
SETTINGS = Settings("arn:secret", pipelines={BOTH.name: BOTH})
TABLES = """
    CREATE TABLE activity_at_once (LIKE student_activity_day INCLUDING ALL);
    INSERT INTO pipeline_table (name, kind) VALUES ('activity_at_once', 'derived')
"""
ACTIVITY = "SELECT * FROM student_activity ORDER BY student_id, day"
ACTIVITY_AT_ONCE = "SELECT * FROM activity_at_once ORDER BY student_id, day"
SUMS_THAT_DOUBLES_GET_WRONG = (0.1, 0.2, 0.3, 1e15, -1e15, 1e-9, 7, None)


def at(number: int, shard: int = 0) -> KinesisRecord:
    """Return one of a few students' events; two shards bring some of the same event_ids."""
    return record(
        number,
        event(
            number if number % 3 else number + 1000 * shard,
            student_id=f"s{number % 4}",
            score=SUMS_THAT_DOUBLES_GET_WRONG[number % len(SUMS_THAT_DOUBLES_GET_WRONG)],
            timestamp=datetime.fromtimestamp(ARRIVAL - number * 3600, UTC).isoformat(),
            event_id=... if number % 5 == 0 else event_id(number, shard),
        ),
        shard=shard,
    )


def event_id(number: int, shard: int) -> str:
    return f"00000000-0000-4000-8000-{number if number % 3 else number + 1000 * shard:012d}"


async def run(world: World, connection: Connection | None = None, **wanted: Any) -> dict[str, Any]:
    return await commands.parse(wanted).run(Session(connection or world.owner), SETTINGS)


async def rebuild(world: World, *, slice_: int = 50_000) -> None:
    for reaction in BOTH.reactions:
        after: str | None = None
        while True:
            answer = await run(world, command="rebuild", reaction=reaction.name, slice=slice_, after=after)
            after = answer["next"]
            if after is None:
                break


async def fold(world: World, *, slice_: int = 100) -> int:
    folded: int = (await run(world, command="fold", slice=slice_))["folded"]["student_activity"]
    return folded


async def keep_folding(world: World, done: asyncio.Event) -> None:
    connection = await connect(world.owner_login)
    while not done.is_set():
        await run(world, connection, command="fold", slice=2)
    await connection.close()


async def activity(world: World) -> list[tuple[Any, ...]]:
    """Return what is derived, which is the same by both means."""
    rows = [tuple(row) for row in await world.owner.fetch(ACTIVITY)]
    assert rows == [tuple(row) for row in await world.owner.fetch(ACTIVITY_AT_ONCE)]
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
    [first, second] = await world.owner.fetch(ACTIVITY)
    assert (str(first["day"]), first["events"], first["scored"]) == ("2026-11-21", 2, 2)
    assert (str(first["score_sum"]), str(first["score_squares"])) == ("0.3", "0.05")
    assert first["last_at"] - first["first_at"] == datetime.fromisoformat(days[0]) - datetime.fromisoformat(
        days[1]
    )
    assert (str(second["day"]), second["events"], second["scored"], second["score_sum"]) == (
        "2026-11-22",
        1,
        0,
        0,
    )


async def test_duplicates_do_not_count_again(world: World) -> None:
    batch = [at(number) for number in range(20)]
    await world.deliver(batch)
    before = await activity(world)
    await world.deliver(batch)
    await world.deliver([*batch, at(21)][::-1])
    once = await activity(world)
    assert sum(row[2] for row in before) == 20
    assert sum(row[2] for row in once) == 21


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
            folding = asyncio.create_task(keep_folding(world, done))
            await asyncio.gather(*(world.deliver(batch) for batch in deliveries))
            killing.cancel()
            done.set()
            await folding
        else:
            for batch in deliveries:
                await world.deliver(batch)
                if chance.random() < 0.3:
                    await fold(world, slice_=chance.randint(1, 20))
        # Which of two deliveries keeps an event_id depends on their order; what is stored is what counts.
        log = await world.owner.fetch("SELECT * FROM student_performance")
        assert sum(row[2] for row in await activity(world)) == len(log)
        kept = {(row["sequence_number"], row["source_id"]) for row in log}
        shard_of = {
            row["id"]: int(row["shard_id"][-12:])
            for row in await world.owner.fetch("SELECT id, shard_id FROM event_source")
        }
        for number, source_id in sorted(kept):
            await clean.deliver([at(int(number), shard_of[source_id])])
        before = await activity(world)
        assert before == await activity(clean)
        await fold(world, slice_=chance.randint(1, 20))
        assert await activity(world) == before
        await rebuild(world, slice_=chance.randint(1, 20))
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
            await rebuild(world, slice_=7)
            rounds += 1
        return rounds

    rebuilding = asyncio.create_task(keep_rebuilding())
    folding = asyncio.create_task(keep_folding(world, done))
    await asyncio.gather(write(0), write(1), write(2))
    done.set()
    await folding
    assert await rebuilding > 1
    before = await activity(world)
    await rebuild(world)
    assert await activity(world) == before
    stored = await world.count("student_performance")
    assert sum(row[2] for row in before) == stored


SPOIL = """
    UPDATE student_activity_day SET events = 0 WHERE student_id = 's1';
    DELETE FROM student_activity_day WHERE student_id = 's2';
    INSERT INTO student_activity_day VALUES ('zzz', '2026-01-01', 1, 0, 0, 0, now(), now());
    UPDATE activity_at_once SET events = 0 WHERE student_id = 's1';
    DELETE FROM activity_at_once WHERE student_id = 's2';
    INSERT INTO activity_at_once VALUES ('zzz', '2026-01-01', 1, 0, 0, 0, now(), now());
    DELETE FROM student_activity_delta WHERE 's3' = ANY (student_id);
    INSERT INTO student_activity_delta VALUES ('{zzz,s1}', ARRAY[now(), now()], '{7,NULL}');
"""


async def test_a_rebuild_repairs_what_was_spoiled(world: World) -> None:
    await world.deliver([at(number) for number in range(20)])
    await fold(world)
    await world.deliver([at(number) for number in range(20, 40)])
    before = await activity(world)
    await world.owner.execute(SPOIL)
    await rebuild(world, slice_=9)
    assert await activity(world) == before


# Between one row's lock and the next there is time enough for another writer to get in between.
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON activity_at_once FOR EACH ROW EXECUTE FUNCTION slowly();
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON student_activity_day
        FOR EACH ROW EXECUTE FUNCTION slowly();
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
    assert [row[2] for row in await activity(world)] == [12] * 8


async def test_several_that_fold_at_once_do_not_deadlock_and_fold_each_delta_once(world: World) -> None:
    await world.owner.execute(SLOWLY)
    connections = [await connect(world.owner_login) for _ in range(3)]
    for batch in range(0, 120, 4):
        await world.deliver([at(number) for number in range(batch, batch + 4)])
    folded = await asyncio.gather(
        *(run(world, connection, command="fold", slice=3) for connection in connections)
    )
    assert sum(answer["folded"]["student_activity"] for answer in folded) <= 30
    await activity(world)
    await fold(world)
    assert await world.owner.fetchval("SELECT count(*) FROM student_activity_delta") == 0
    assert sum(row[2] for row in await activity(world)) == 120
    for connection in connections:
        await connection.close()


async def test_a_fold_takes_what_is_there_slice_by_slice(world: World) -> None:
    for number in range(10):
        await world.deliver([at(number)])
    assert await fold(world, slice_=3) == 10
    assert await fold(world) == 0
    await world.deliver([at(number) for number in range(25)])
    assert await fold(world) == 1
    assert sum(row[2] for row in await activity(world)) == 25


async def test_an_unknown_reaction_is_named(world: World) -> None:
    with pytest.raises(
        CommandError,
        match="grades is no reaction of student-performance; there are: student_activity, activity_at_once",
    ):
        await run(world, command="rebuild", reaction="grades")


@pytest.mark.parametrize(
    ("table", "no_s1"),
    [("student_activity_delta", "'s1' <> ALL (student_id)"), ("activity_at_once", "student_id <> 's1'")],
)
async def test_an_event_that_a_reaction_cannot_take_is_rejected_and_the_others_are_stored(
    world: World, table: str, no_s1: str
) -> None:
    await world.owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT no_s1 CHECK ({no_s1})")
    saved = (await world.deliver([at(number) for number in range(8)])).saved
    assert (saved.stored, dict(saved.rejected)) == (6, {"not_storable": 2})
    assert sum(row[2] for row in await activity(world)) == 6
