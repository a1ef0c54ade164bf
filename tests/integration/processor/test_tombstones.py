"""Whatever writers do during an erasure, nothing of the erased student stays."""

import asyncio
import base64
from dataclasses import replace
from itertools import count

import pytest

from processor.commands.redrive import Redrive
from processor.pipeline import Pipeline
from processor.settings import Settings
from processor.storage.scram import verifier
from processor.storage.session import Session
from processor.storage.tombstones import read_tombstones
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.deriving import BOTH, TABLES
from tests.integration.processor.world import World, connect, event, record

GONE, OTHER = "student-gone", "student-other"
AT_ONCE = replace(BOTH, projections=BOTH.projections[len(SHIPPED.projections) :])


def of(student: str, number: int, **members: object) -> bytes:
    return event(number, student_id=student, event_id=..., **members)


async def bury(world: World, student: str) -> None:
    """Do what an erasure does before it deletes anything."""
    tombstones = await read_tombstones(world.owner)
    async with world.owner.transaction():
        await world.owner.execute("LOCK TABLE erasure IN ACCESS EXCLUSIVE MODE")
        await world.owner.execute("INSERT INTO tombstone (hash) VALUES ($1)", tombstones.hash_of(student))
        await world.owner.execute("UPDATE erasure SET epoch = epoch + 1")


@pytest.mark.parametrize(
    "pipeline",
    [SHIPPED, replace(SHIPPED, projections=()), AT_ONCE, BOTH],
    ids=["deferred", "none", "immediate", "both"],
)
async def test_a_writer_learns_of_an_erasure_in_its_own_transaction(world: World, pipeline: Pipeline) -> None:
    await world.owner.execute(TABLES)
    await world.owner.executemany(
        "INSERT INTO pipeline_table VALUES ($1, 'immediate')", [(p.name,) for p in AT_ONCE.projections]
    )
    login = world.login
    await world.owner.execute("SELECT make_processor_login($1, $2)", login.username, verifier(login.password))
    world.pipeline = pipeline
    environment = world.processor()
    before = await world.deliver([record(1, of(GONE, 1)), record(2, of(OTHER, 2))], to=environment)
    assert (before.saved.stored, before.saved.erased) == (2, 0)
    await bury(world, GONE)
    after = await world.deliver([record(3, of(GONE, 3)), record(4, of(OTHER, 4))], to=environment)
    assert (after.saved.stored, after.saved.erased, after.received) == (1, 1, 2)
    again = await world.deliver([record(3, of(GONE, 3)), record(4, of(OTHER, 4))], to=environment)
    assert (again.saved.duplicates, again.saved.erased, again.received) == (1, 1, 2)
    assert await world.owner.fetchval("SELECT count(*) FROM student_performance") == 3


async def test_a_batch_with_only_a_rejection_learns_of_it_too(world: World) -> None:
    environment = world.processor()
    bad = f'{{"student_id": "{GONE}"'.encode()
    await world.deliver([record(1, bad)], to=environment)
    await bury(world, GONE)
    result = await world.deliver([record(2, bad), record(3, b"bad")], to=environment)
    assert (result.saved.rejected.total(), result.saved.erased) == (1, 1)
    assert await world.owner.fetchval("SELECT count(*) FROM rejected_event") == 2


async def test_what_postgresql_refuses_of_an_erased_student_is_no_rejection(world: World) -> None:
    await world.owner.execute("ALTER TABLE student_performance ADD CHECK (event_type <> 'refused')")
    await bury(world, GONE)
    refused = [record(n, of(student, n, event_type="refused")) for n, student in ((1, GONE), (2, OTHER))]
    result = await world.deliver([*refused, record(3, of(OTHER, 3))])
    assert (result.saved.stored, result.saved.rejected.total(), result.saved.erased) == (1, 1, 1)


async def test_an_event_of_an_expired_month_is_counted_once(world: World) -> None:
    await world.deliver([record(1, of(OTHER, 1))])
    await bury(world, GONE)
    await world.owner.execute("SELECT close_months('student_performance', '2027-01-01')")
    result = await world.deliver(
        [record(2, of(GONE, 2)), record(3, of(OTHER, 3)), record(4, b"bad " + GONE.encode())]
    )
    assert (result.saved.expired, result.saved.erased, result.received) == (2, 1, 3)


async def test_redriving_keeps_nothing_of_an_erased_student(world: World) -> None:
    """The bytes of one record do not hold the id as it is written, so it is found by what they decode to."""
    hidden = base64.b64encode(of(GONE, 1)).decode()
    broken = record(1, text=hidden[:8] + "!" + hidden[8:])
    await world.deliver([broken, record(2, b"bad"), record(3, of(OTHER, 3))])
    await world.owner.execute(
        "UPDATE rejected_event SET payload = $1 WHERE reason = 'not_base64'", hidden.encode()
    )
    await bury(world, GONE)
    answer = await Redrive().run(Session(world.owner), Settings("no secret"))
    assert (answer.examined, answer.stored, answer.erased, len(answer.still_rejected)) == (2, 0, 1, 1)
    assert await world.owner.fetchval("SELECT count(*) FROM rejected_event") == 1


async def test_an_erasure_waits_for_writers_and_they_for_it(world: World) -> None:
    """Environments keep storing while a student is erased, and nothing comes after what the eraser finds."""
    stop, numbers = asyncio.Event(), count(1)

    async def keep_storing() -> None:
        environment = world.processor()
        while not stop.is_set():
            ours = [record(number, of(GONE, number)) for number in (next(numbers), next(numbers))]
            result = await world.deliver([*ours, record(next(numbers), b"bad")], to=environment)
            assert result.saved.stored + result.saved.erased == 2

    async def stored() -> int:
        found: int = await watcher.fetchval("SELECT count(*) FROM student_performance")
        return found

    watcher = await connect(world.owner_login)
    writers = [asyncio.create_task(keep_storing()) for _ in range(4)]
    async with asyncio.timeout(30):
        while await stored() < 50:  # noqa: ASYNC110 - PostgreSQL tells of no row
            await asyncio.sleep(0.01)
        await bury(world, GONE)
        await world.owner.execute("DELETE FROM student_performance")
        last = next(numbers)
        while next(numbers) < last + 100:  # noqa: ASYNC110 - the writers count on
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*writers)
    assert await stored() == 0
    await watcher.close()
