"""Each delivery and each event_id is stored once, no matter who brings it and how often."""

import asyncio
import json
import random
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from processor.records.kinesis import KinesisRecord
from processor.storage.writer import Saved
from tests.integration.processor.world import World, event, record, records


async def save(world: World, batch: list[KinesisRecord]) -> Saved:
    return (await world.deliver(batch)).saved


async def test_a_redelivered_batch_changes_nothing_and_is_counted(world: World) -> None:
    batch = [*records(range(100)), record(100, b"bad"), record(101, event(101, event_id=...))]
    assert await save(world, batch) == Saved(stored=101, rejected={"not_json": 1})  # type: ignore[arg-type]  # a Counter equals a dict
    before = await world.tables()
    assert await save(world, batch) == Saved(duplicates=102)
    assert await world.tables() == before


async def test_every_prefix_of_a_batch_redelivered_leaves_one_clean_delivery(
    world: World, clean_world: World
) -> None:
    batch = [
        record(n, b"bad" if n % 7 == 3 else event(n, event_id=...) if n % 2 else None) for n in range(30)
    ]
    await clean_world.deliver(batch)
    for end in range(1, len(batch) + 1):
        await world.deliver(batch[:end])
    assert await world.tables() == await clean_world.tables()


async def test_duplicates_within_one_batch(world: World) -> None:
    twice = [record(1), record(1), record(2), record(3, event(2))]  # 1 twice, and 2's event_id twice
    assert await save(world, twice) == Saved(stored=2, duplicates=2)


async def test_a_producers_retry_under_a_new_sequence_number_is_a_duplicate(world: World) -> None:
    await save(world, records(range(10)))
    again = [record(100 + n, event(n), shard=n % 2) for n in range(10)]
    assert await save(world, [r for r in again if "0000:" in r["eventID"]]) == Saved(duplicates=5)
    assert await save(world, [r for r in again if "0001:" in r["eventID"]]) == Saved(duplicates=5)
    assert await world.count("student_performance") == 10


async def test_the_same_sequence_number_of_another_shard_is_another_delivery(world: World) -> None:
    one, two = record(1, event(1)), record(1, event(2), shard=1)
    assert await save(world, [one, two]) == Saved(stored=2)


async def test_an_event_id_is_taken_over_all_months(world: World) -> None:
    await save(world, records([1]))
    late = record(2, event(1))
    late["kinesis"]["approximateArrivalTimestamp"] += 90 * 86_400
    assert await save(world, [late]) == Saved(duplicates=1)
    assert await save(world, [late]) == Saved(duplicates=1)


async def test_months_get_their_partitions_when_they_come(world: World) -> None:
    batch = records(range(5))
    for months, each in enumerate(batch):
        each["kinesis"]["approximateArrivalTimestamp"] += months * 31 * 86_400
    assert await save(world, batch) == Saved(stored=5)
    partitions = await world.owner.fetch("SELECT DISTINCT tableoid::regclass::text FROM student_performance")
    assert len(partitions) == 5


@pytest.mark.parametrize(
    ("members", "conflicts"),
    [
        ({}, 0),
        ({"score": 99}, 1),
        ({"score": None}, 1),
        ({"student_id": "other"}, 1),
        ({"event_type": "other"}, 1),
        ({"timestamp": "2020-01-01T00:00:00Z"}, 1),
        ({"metadata": {"other": True}}, 1),
        ({"metadata": dict(reversed(json.loads(event(1))["metadata"].items()))}, 0),  # in another order
    ],
)
async def test_an_event_id_with_other_content_is_a_conflict(
    world: World, members: dict[str, object], conflicts: int
) -> None:
    await save(world, records([1]))
    before = await world.tables()
    other = event(1, **members)
    assert await save(world, [record(2, other), record(3)]) == Saved(1, duplicates=1, conflicts=conflicts)
    assert [row for row in (await world.tables())["events"] if row in before["events"]] == before["events"]


async def test_a_conflict_within_one_batch(world: World) -> None:
    batch = [record(1), record(2, event(1, score=99)), record(3, event(1))]
    assert await save(world, batch) == Saved(stored=1, duplicates=2, conflicts=1)
    assert await world.owner.fetchval("SELECT score FROM student_performance") == 0.5


async def test_an_event_without_a_time_that_comes_later_is_no_conflict(world: World) -> None:
    timeless = event(1, timestamp=...)
    assert await save(world, [record(1, timeless)]) == Saved(stored=1)
    assert await save(world, [record(2, timeless)]) == Saved(duplicates=1)
    assert await save(world, [record(3, event(1))]) == Saved(duplicates=1, conflicts=1)


async def test_two_consumers_of_the_same_records_store_them_once(world: World, clean_world: World) -> None:
    batch = [record(n, b"bad" if n % 50 == 7 else None) for n in range(2000)]
    windows = [batch[start : start + 500] for start in range(0, 1501, 250)]
    await clean_world.deliver(batch)

    async def consume() -> int:
        database = world.processor()
        stored = 0
        for window in windows:
            stored += (await world.deliver(window, to=database)).saved.stored
        return stored

    stored = await asyncio.gather(consume(), consume(), consume())
    assert sum(stored) == 1960
    assert await world.tables() == await clean_world.tables()


async def test_writers_that_share_event_ids_never_deadlock(world: World) -> None:
    """Shards bring the same event_ids in different orders, along with events that PostgreSQL refuses."""
    chance = random.Random(3)  # noqa: S311 - a repeatable order is wanted

    def shuffled(shard: int, batch_number: int) -> list[KinesisRecord]:
        numbers = list(range(300))
        chance.shuffle(numbers)
        return [
            record(
                batch_number * 1000 + position,
                event(number, **({"metadata": {"a": "\0"}} if number % 151 == shard else {})),
                shard=shard,
            )
            for position, number in enumerate(numbers)
        ]

    async def consume(shard: int) -> int:
        database = world.processor()
        for batch_number in range(8):
            outcome = await world.deliver(shuffled(shard, batch_number), to=database)
            assert outcome.first_deferred is None
        return database.retries

    assert await asyncio.gather(*(consume(shard) for shard in range(6))) == [0] * 6
    assert await world.count("student_performance") == 300
    assert (
        await world.owner.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        == 0
    )


async def test_a_merge_and_a_copy_of_one_delivery_that_meet_crosswise_store_it_once(world: World) -> None:
    """The merge has the event_id and wants the delivery; the COPY has the delivery and wants the event_id."""
    [delivery] = records([1])
    await world.deliver(records([0]))  # this makes the source and the month
    held_up = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    merge = world.owner.transaction()
    await merge.start()
    await world.owner.execute(
        "INSERT INTO event_identity SELECT $1, id, $2, 0 FROM event_source",
        uuid.UUID(int=1),
        delivery["kinesis"]["sequenceNumber"],
    )
    database = world.processor()
    copying = asyncio.create_task(world.deliver([delivery], to=database))
    async with asyncio.timeout(10):
        while not await world.owner.fetchval(held_up):  # noqa: ASYNC110 - a lock has no event to set
            await asyncio.sleep(0.01)
    try:
        await world.owner.execute(
            "INSERT INTO student_performance "
            "SELECT id, $1, 0, $3, now(), $2, $3, 's', 'e', NULL, '{}' FROM event_source",
            delivery["kinesis"]["sequenceNumber"],
            uuid.UUID(int=1),
            datetime.fromtimestamp(delivery["kinesis"]["approximateArrivalTimestamp"], UTC),
        )
    except asyncpg.DeadlockDetectedError:
        await merge.rollback()
        expected = Saved(stored=1)
    else:
        await merge.commit()
        expected = Saved(duplicates=1)
    outcome = await copying
    assert outcome.first_deferred is None
    assert outcome.saved == expected
    assert await world.count("student_performance") == 2
    assert await world.owner.fetchval("SELECT count(*) FROM event_identity") == 2
