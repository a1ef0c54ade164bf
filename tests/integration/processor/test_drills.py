"""Drills: things die in the middle of a batch, and the tables end up as after one clean delivery."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from emulation.postgres import PostgresServer
from emulation.process import free_port
from processor.records.kinesis import KinesisRecord
from processor.storage.connection import Database
from tests.integration.processor.conftest import make_world
from tests.integration.processor.proxy import Proxy, proxy
from tests.integration.processor.world import World, connect, event, record, until
from tests.support import process_of

pytestmark = pytest.mark.long


def mixed_batch(first: int, size: int = 16) -> list[KinesisRecord]:
    """Return a batch that takes every path through the store: new, known, bad and refused records."""
    batch = [record(number, shard=0) for number in range(first, first + size)]
    batch[3] = record(first + 3, b"bad")
    batch[7] = record(first + 7, event(first + 7, metadata={"a": "\0"}))
    batch[11] = record(first + 11, event(first + 10))
    return batch


@pytest.fixture
async def link(world: World, server: PostgresServer) -> AsyncIterator[Proxy]:
    async with proxy(server.port) as link:
        world.secrets["AWSCURRENT"] = msgspec.structs.replace(world.login, port=link.port)
        yield link


async def test_a_connection_cut_at_every_step_of_the_protocol(
    world: World, clean_world: World, link: Proxy
) -> None:
    clean = clean_world.processor()
    step = 0
    while True:
        step += 1
        batch = mixed_batch(step * 100)
        link.steps, link.cut_at = 0, step
        outcome = await world.deliver(batch)
        assert outcome.first_deferred is None
        await clean_world.deliver(batch, to=clean)
        if link.steps < step:
            break  # the batch was done before the cut
    assert step > 20
    assert await world.tables() == await clean_world.tables()


async def test_a_killed_backend_in_the_middle_of_many_batches(world: World, clean_world: World) -> None:
    database = world.processor()
    chance = random.Random(1)  # noqa: S311 - a repeatable order is wanted
    for number in range(30):
        batch = mixed_batch(number * 100)
        work = asyncio.create_task(world.deliver(batch, to=database))
        await asyncio.sleep(chance.uniform(0, 0.01))
        await world.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", world.login.username
        )
        assert (await work).first_deferred is None
        await clean_world.deliver(batch)
    assert database.retries > 0
    assert await world.tables() == await clean_world.tables()


async def test_a_server_killed_in_the_middle_of_a_batch(
    tmp_path_factory: pytest.TempPathFactory, clean_world: World
) -> None:
    server = PostgresServer(Path(tmp_path_factory.mktemp("killed")), keep_files=True)
    server.start()
    try:
        await kill_and_restart(server, clean_world)
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


async def kill_and_restart(server: PostgresServer, clean_world: World) -> None:
    world = await make_world(server)
    async with proxy(server.port) as link:
        world.secrets["AWSCURRENT"] = msgspec.structs.replace(world.login, port=link.port)
        database = world.processor()
        for number in range(3):
            batch = mixed_batch(number * 10_000, 3_000)
            work = asyncio.create_task(world.deliver(batch, to=database))
            await until(partial(reached, link, link.steps + 4 + 3 * number))
            kill(server)
            await asyncio.to_thread(server.launch, free_port())
            link.server_port = server.port
            assert (await work).first_deferred is None
            await clean_world.deliver(batch)
        assert database.retries > 0
        world.owner = await connect(msgspec.structs.replace(world.owner_login, port=server.port))
        assert await world.tables() == await clean_world.tables()
        await world.close()


def reached(link: Proxy, step: int) -> bool:
    return link.steps >= step


def kill(server: PostgresServer) -> None:
    assert server.program is not None
    process_of(server.program).kill()
    server.program.stop()


class Chaos:
    """Delivers a shard as Lambda does, while functions die, connections are cut and batches are repeated."""

    def __init__(self, world: World, link: Proxy, seed: int) -> None:
        self.world, self.link = world, link
        self.chance = random.Random(seed)  # noqa: S311 - a repeatable order is wanted
        self.deaths = self.cuts = self.repeats = 0

    async def consume(self, shard: list[KinesisRecord]) -> None:
        database = self.world.processor()
        at = 0
        while at < len(shard):
            batch = shard[at : at + self.chance.choice((100, 500, 1000))]
            work = asyncio.create_task(self.world.deliver(batch, to=database))
            if self.chance.random() < 0.1:
                database = await self.die(work, database)
                continue
            if self.chance.random() < 0.1:
                await asyncio.sleep(self.chance.uniform(0, 0.01))
                self.cuts += 1
                self.link.cut()
            outcome = await work
            assert outcome.first_deferred is None
            at += len(batch)
            if self.chance.random() < 0.1:
                self.repeats += 1
                at -= self.chance.randrange(len(batch))

    async def die(self, work: "asyncio.Task[object]", database: Database) -> Database:
        """Kill the execution environment in mid-batch; Lambda starts another for the same batch."""
        await asyncio.sleep(self.chance.uniform(0, 0.01))
        self.deaths += 1
        database.discard()
        work.cancel()
        await asyncio.wait([work])
        return self.world.processor()


async def test_a_hundred_thousand_events_with_bad_ones_duplicates_and_random_deaths(
    world: World, clean_world: World, link: Proxy
) -> None:
    chance = random.Random(7)  # noqa: S311 - as above
    shards: list[list[KinesisRecord]] = [[], []]
    sent = 0
    for number in range(100_000):
        kind = chance.random()
        if kind < 0.01:
            data = chance.choice((b"bad", event(number, student_id=""), event(number, metadata={"a": "\0"})))
        elif kind < 0.03 and shards[number % 2]:
            data = event(chance.randrange(number % 2, number, 2))  # a producer's retry, in its own shard
        else:
            data = event(number)
        sent += 1
        shards[number % 2].append(record(number, data, shard=number % 2))
    chaos = [Chaos(world, link, seed) for seed in (1, 2)]
    await asyncio.gather(*(chaos[n].consume(shards[n]) for n in (0, 1)))
    for shard in shards:
        for start in range(0, len(shard), 5_000):
            await clean_world.deliver(shard[start : start + 5_000])
    assert await world.tables() == await clean_world.tables()
    assert min(c.deaths + c.cuts + c.repeats for c in chaos) > 10
    stored, rejected = await world.count("student_performance"), await world.count("rejected_event")
    assert stored + rejected < sent
    known = {row["event_id"] for row in await world.owner.fetch("SELECT event_id FROM event_identity")}
    assert len(known) == stored


async def test_a_consumer_that_lost_its_lease_does_no_harm(world: World, clean_world: World) -> None:
    """An old execution environment comes back with its batch after a new one has gone far beyond it."""
    old, new = world.processor(), world.processor()
    batches = [mixed_batch(number * 100) for number in range(6)]
    await world.deliver(batches[0], to=old)
    for batch in batches:
        await world.deliver(batch, to=new)
    await world.deliver(batches[1], to=old)
    for batch in batches:
        await clean_world.deliver(batch)
    assert await world.tables() == await clean_world.tables()


async def test_rotation_in_the_middle_of_a_stream(world: World, clean_world: World) -> None:
    database = world.processor()
    for number in range(12):
        batch = mixed_batch(number * 100)
        if number in (3, 7):  # after createSecret and setSecret, the database has the pending password
            pending = msgspec.structs.replace(world.login, password=f"rotated-{number}")
            world.secrets["AWSPENDING"] = pending
            role = world.login.username
            await world.owner.execute(f"ALTER ROLE \"{role}\" PASSWORD '{pending.password}'")
        if number in (5, 9):  # finishSecret
            world.secrets["AWSCURRENT"] = world.secrets.pop("AWSPENDING")
        await world.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", world.login.username
        )
        assert (await world.deliver(batch, to=database)).first_deferred is None
        await clean_world.deliver(batch)
    assert await world.tables() == await clean_world.tables()


async def test_the_tables_differ_when_they_should(world: World, clean_world: World) -> None:
    """The comparison that the drills rely on notices a single missing row."""
    await world.deliver(mixed_batch(0))
    await clean_world.deliver(mixed_batch(0)[:-1])
    assert await world.tables() != await clean_world.tables()
