"""Projections give the same for any order, repetition, crash and concurrency, and after a rebuild."""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any

import msgspec
import pytest
from asyncpg import Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from processor import migrations
from processor.errors import CommandError
from processor.pipeline import Pipeline
from processor.projections.projection import Immediate, Projection
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import ARRIVAL, World, connect, event, parsed, record

# The same tables twice: made by compaction, as shipped, and made at once.
DEFERRED = SHIPPED.projections
AT_ONCE = tuple(
    Immediate(
        **{field.name: getattr(projection, field.name) for field in fields(projection)}
        | {"name": f"{projection.name}_at_once"}
    )
    for projection in DEFERRED
)


class Twice(Pipeline):
    """The shipped pipeline with each of its statements twice."""

    @cached_property
    def own_sql(self) -> Mapping[str, str]:
        shipped = SHIPPED.own_sql
        return {
            **shipped,
            **{f"{projection.name}_at_once": shipped[projection.name] for projection in DEFERRED},
        }


BOTH = Twice(
    **{field.name: getattr(SHIPPED, field.name) for field in fields(SHIPPED)}
    | {"projections": (*DEFERRED, *AT_ONCE)}
)
SETTINGS = Settings("no secret", pipelines={BOTH.name: BOTH}, pipeline=BOTH)
NAMES = [projection.name for projection in BOTH.projections]
TABLES = "".join(f"CREATE TABLE {p.name}_at_once (LIKE {p.name} INCLUDING ALL);" for p in DEFERRED)


def all_rows(projection: Projection) -> str:
    """Select everything except the number that a world happens to give a shard."""
    columns = ", ".join(name for name in projection.columns if name != "source_id")
    return f"SELECT {columns} FROM {projection.name} ORDER BY {', '.join(projection.key)}"  # noqa: S608 - declared names


ROWS = {projection.name: all_rows(projection) for projection in BOTH.projections}
Derived = dict[str, list[tuple[Any, ...]]]
SUMS_THAT_DOUBLES_GET_WRONG = (0.1, 0.2, 0.3, 1e15, -1e15, 1e-9, 7, None)
A_MONTH = 30 * 86_400_000  # as a number of records, because they arrive a millisecond apart


def at(number: int, shard: int = 0) -> KinesisRecord:
    """Return an event of one of a few students; two shards share some of the event_ids.

    Many happen at the same moment, so that the delivery decides which is the latest.
    """
    return record(
        number,
        event(
            number if number % 3 else number + 1000 * shard,
            student_id=f"s{number % 4}",
            event_type=("submission", "attendance", "quiz_score")[number % 3],
            score=SUMS_THAT_DOUBLES_GET_WRONG[number % len(SUMS_THAT_DOUBLES_GET_WRONG)],
            timestamp=datetime.fromtimestamp(ARRIVAL - number % 7 * 3600, UTC).isoformat(),
            event_id=... if number % 5 == 0 else event_id(number, shard),
            metadata=METADATA[number % len(METADATA)],
        ),
        shard=shard,
    )


# Each member is there, is missing, and has a value of the wrong kind.
METADATA: tuple[dict[str, Any], ...] = (
    {"course": "c", "assessment": "a", "max_score": 20, "status": "absent"},
    {"course": "c", "assessment": "a", "status": "present"},
    {"course": "c", "assessment": "b", "max_score": "20", "status": ["absent"]},
    {"assessment": "a", "max_score": 1e308},
    {"course": "x" * 201, "assessment": "", "status": "late"},
    {"course": None, "assessment": {"id": "a"}, "max_score": -1},
    {"course": 5, "assessment": "a", "max_score": 0},
    {},
    {"course": "é" * 200, "assessment": "é" * 200, "max_score": 12.5, "status": "excused"},
    {"course": "c", "assessment": "a" * 201},
    {"course": "c", "assessment": "a", "max_score": 20.5, "status": "absent"},
)


def event_id(number: int, shard: int) -> str:
    return f"00000000-0000-4000-8000-{number if number % 3 else number + 1000 * shard:012d}"


async def run(world: World, connection: Connection | None = None, **wanted: Any) -> dict[str, Any]:
    answer = await parsed(wanted).run(Session(connection or world.owner), SETTINGS)
    return dict(msgspec.to_builtins(answer))


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


async def rows(world: World, name: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await world.owner.fetch(ROWS[name])]


async def derived(world: World) -> Derived:
    """Return what is derived, after checking that both ways agree with each other and with the log."""
    await compact(world)
    found = {projection.name: await rows(world, projection.name) for projection in DEFERRED}
    assert found == {
        projection.name: await rows(world, f"{projection.name}_at_once") for projection in DEFERRED
    }
    assert await run(world, command="check") == {"differences": dict.fromkeys(NAMES, 0)}
    return found


async def counted(world: World) -> int:
    """Return how many events the tables are derived from; all tables that count events must agree."""
    found = await derived(world)
    totals = {
        projection.name: sum(row[len(projection.key)] for row in found[projection.name])
        for projection in DEFERRED
        if projection.adds
    }
    [total] = set(totals.values())
    return int(total)


async def with_both_means(world: World) -> World:
    await world.owner.execute(TABLES)
    world.pipeline = BOTH
    await migrations.migrate(world.owner, world.login, [BOTH])
    return world


@pytest.fixture(name="world")
async def _world(world: World) -> World:
    return await with_both_means(world)


async def put(world: World, *events: dict[str, Any], first: int = 1) -> None:
    """Deliver events of one student, and compact them."""
    await world.deliver(
        [
            record(
                first + number, event(first + number, **{"student_id": "s", "event_type": "grade", **members})
            )
            for number, members in enumerate(events)
        ]
    )
    await compact(world)


def essay(**metadata: Any) -> dict[str, Any]:
    return {"course": "c", "assessment": "essay", **metadata}


async def result(world: World) -> dict[str, Any]:
    [found] = await world.owner.fetch("SELECT * FROM assessment_result")
    return dict(found)


async def test_the_latest_score_counts_and_the_earliest_hand_in(world: World) -> None:
    await put(
        world,
        {"score": 12.5, "timestamp": "2026-11-03T08:00:00Z", "metadata": essay(max_score=20)},
        {"score": 9, "timestamp": "2026-11-02T08:00:00Z", "metadata": essay(max_score=10)},
        {"score": ..., "timestamp": "2026-11-01T08:00:00Z", "metadata": essay(), "event_type": "submission"},
        {"score": ..., "timestamp": "2026-10-01T08:00:00Z", "metadata": essay()},
    )
    assert await result(world) == {
        "course": "c",
        "assessment": "essay",
        "student_id": "s",
        "handed_in_at": datetime(2026, 11, 1, 8, tzinfo=UTC),
        "scored_at": datetime(2026, 11, 3, 8, tzinfo=UTC),
        "score": 12.5,
        "max_score": 20,
    }


async def test_a_submission_alone_has_no_score_and_a_regrade_of_another_month_is_the_latest(
    world: World,
) -> None:
    await put(world, {"event_type": "submission", "score": ..., "metadata": essay()})
    assert (await result(world))["score"] is None
    await put(world, {"score": 5, "timestamp": "2026-11-20T08:00:00Z", "metadata": essay()}, first=A_MONTH)
    await put(world, {"score": 4, "timestamp": "2026-11-20T07:00:00Z", "metadata": essay()}, first=20)
    assert (await result(world))["score"] == 5
    assert await world.owner.fetchval("SELECT count(*) FROM student_assessment") == 2


async def test_of_two_scores_of_one_moment_that_of_the_later_delivery_counts(world: World) -> None:
    together = "2026-11-20T08:00:00Z"
    for number, score in ((2, 2), (3, 3), (1, 1)):
        await put(world, {"score": score, "timestamp": together, "metadata": essay()}, first=number)
    assert (await result(world))["score"] == 3


async def test_what_a_student_did_in_a_course(world: World) -> None:
    statuses = ("present", "late", "absent", "absent", "excused", "asleep")
    await put(
        world,
        *(
            {"event_type": "attendance", "score": ..., "metadata": {"course": "c", "status": s}}
            for s in statuses
        ),
        {"score": 0.1, "metadata": {"course": "c", "status": "absent"}},
        {"score": 0.2, "metadata": {"course": "c"}},
    )
    [found] = await world.owner.fetch("SELECT * FROM student_course")
    assert (found["events"], found["scored"], str(found["score_sum"])) == (8, 2, "0.3")
    assert [found[status] for status in ("present", "late", "absent", "excused")] == [1, 1, 2, 1]
    assert (found["last_at"] - found["first_at"]).total_seconds() == 7
    assert (found["last_at"] - found["first_absent_at"]).total_seconds() == 3


async def test_days_and_hours_of_a_course_are_utc(world: World) -> None:
    moments = ("2026-11-21T23:59:59+00:00", "2026-11-22T00:30:00+01:00", "2026-11-22T08:00:00Z")
    await put(
        world, *({"timestamp": moment, "score": 0.1, "metadata": {"course": "c"}} for moment in moments)
    )
    days = await world.owner.fetch("SELECT * FROM course_day ORDER BY day")
    assert [(str(day["day"]), day["event_type"], day["events"], str(day["score_sum"])) for day in days] == [
        ("2026-11-21", "grade", 2, "0.2"),
        ("2026-11-22", "grade", 1, "0.1"),
    ]
    hours = await world.owner.fetch("SELECT * FROM course_hour ORDER BY hour")
    assert [(hour["hour"].isoformat(), hour["events"]) for hour in hours] == [
        ("2026-11-21T23:00:00+00:00", 2),
        ("2026-11-22T08:00:00+00:00", 1),
    ]


async def test_who_came_to_a_lesson_is_counted_by_the_hour(world: World) -> None:
    statuses = ("present", "late", "absent", "absent", "excused", "asleep")
    at_nine = [{"event_type": "attendance", "metadata": {"course": "c", "status": one}} for one in statuses]
    others = {"event_type": "quiz", "metadata": {"course": "c", "status": "present"}}
    await put(world, *(one | {"timestamp": "2026-11-22T09:00:00Z"} for one in (*at_nine, others)))
    [hour] = await world.owner.fetch("SELECT * FROM course_hour")
    assert (hour["events"], hour["present"], hour["late"], hour["absent"], hour["excused"]) == (7, 1, 1, 2, 1)


async def test_every_event_is_counted_under_a_course_or_under_none(world: World) -> None:
    await world.deliver([at(number) for number in range(len(METADATA) * 3)])
    assert await counted(world) == len(METADATA) * 3
    courses = {row[0] for row in await rows(world, "student_course")}
    assert courses == {"c", "", "5", "é" * 200}
    found = {(row[0], row[1]) for row in await rows(world, "student_assessment")}
    assert found == {
        ("c", "a"),
        ("c", "b"),
        ("", "a"),
        ("5", "a"),
        ("é" * 200, "é" * 200),
        ("", '{"id": "a"}'),
    }
    maxima = await world.owner.fetch("SELECT DISTINCT max_score FROM student_assessment ORDER BY 1")
    assert [row[0] for row in maxima] == [12.5, 20, 20.5, None]


async def test_a_score_keeps_all_its_digits(world: World) -> None:
    await world.deliver([record(1, event(1, score=0.12345678901234568))])
    assert str((await derived(world))["student_course"][0][5]) == "0.12345678901234568"


BEFORE = """
    DROP TABLE student_assessment, student_course, course_day, course_hour CASCADE;
    DELETE FROM schema_migration WHERE pipeline = 'student-performance' AND version IN (2, 7);
    DELETE FROM chunk WHERE stored_at < now();
"""


async def test_what_was_stored_before_there_were_these_projections_is_compacted_into_them(
    world: World,
) -> None:
    for shard in (0, 1):
        await world.deliver([at(number, shard) for number in range(20)])
    await world.owner.execute(BEFORE)
    await world.deliver([at(number) for number in range(15, 30)])
    applied = await migrations.migrate(world.owner, world.login, [BOTH])
    assert applied == ["0002_projections", "0007_lessons"]
    assert await counted(world) == await world.count("student_performance")


async def test_a_batch_waits_as_one_row_without_data(world: World) -> None:
    await world.deliver([at(number) for number in range(7)])
    [chunk] = await world.owner.fetch("SELECT * FROM chunk")
    assert (chunk["log"], chunk["first"], chunk["last"]) == ("student_performance", f"{0:056d}", f"{6:056d}")
    assert await world.owner.fetchval("SELECT count(*) FROM student_course") == 0
    assert await compact(world) == 1
    assert await counted(world) == 7
    assert await compact(world) == 0


async def test_duplicates_do_not_count_again(world: World) -> None:
    batch = [at(number) for number in range(20)]
    await world.deliver(batch)
    assert await counted(world) == 20
    await world.deliver(batch)
    await world.deliver([*batch, at(21)][::-1])
    assert await counted(world) == 21


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


async def test_an_unknown_projection_is_named(world: World) -> None:
    with pytest.raises(
        CommandError,
        match="student-performance has no projection grades: use one of student_assessment, stu",
    ):
        await run(world, command="rebuild", projection="grades")


async def test_an_event_that_an_immediate_projection_refuses_is_rejected_and_the_others_are_stored(
    world: World,
) -> None:
    await world.owner.execute(
        "ALTER TABLE student_course_at_once ADD CONSTRAINT no_s1 CHECK (student_id <> 's1')"
    )
    saved = (await world.deliver([at(number) for number in range(8)])).saved
    assert (saved.stored, dict(saved.rejected)) == (6, {"not_storable": 2})
    assert await counted(world) == 6


async def test_what_was_dropped_stays_dropped_and_its_figures_stay(world: World) -> None:
    old, new = [at(number) for number in range(10)], [at(A_MONTH + number) for number in range(10)]
    await world.deliver([*old, *new])
    before = await rows(world, "student_assessment_at_once")
    await run(world, command="retention", older_than="2026-12", kinds=["events"], dry_run=False)
    for _ in range(2):
        result = await world.deliver([*old, *new])
        assert (result.saved.stored, result.saved.duplicates, result.saved.expired) == (0, 10, 10)
        assert (result.received, result.first_deferred) == (20, None)
    assert (await derived(world))["student_assessment"] == before
    await rebuild(world)
    assert (await derived(world))["student_assessment"] == before
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
        await run(world, command="retention", older_than="2026-12", kinds=["events"], dry_run=False)

    *stored, _ = await asyncio.gather(write(0), write(1), write(2), drop())
    assert await world.count("student_performance") == 0
    assert await counted(world) == sum(stored)
