"""Each fault leads to a decision: try again, stop and let Lambda redeliver, or raise."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from emulation.postgres import PostgresServer
from processor import batch
from processor.errors import RetryLater
from processor.records import chunk, kinesis
from processor.records.kinesis import whole
from processor.storage import connection
from processor.storage.connection import Deadline
from processor.storage.session import Session
from processor.storage.writer import Saved, Writer
from tests.integration.processor.proxy import Proxy, proxy
from tests.integration.processor.world import World, connect, connection_of, record, records, until


@pytest.fixture
async def link(world: World, server: PostgresServer) -> AsyncIterator[Proxy]:
    """The proxy that the processor connects through."""
    async with proxy(server.port) as link:
        through = msgspec.structs.replace(world.login, port=link.port)
        world.login = world.secrets["AWSCURRENT"] = through
        yield link


async def test_a_connection_that_died_while_idle_is_replaced_at_once(world: World, link: Proxy) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    link.cut()
    started = time.monotonic()
    outcome = await world.deliver(records([2]), to=database)
    assert (outcome.saved.stored, database.retries) == (1, 1)
    assert time.monotonic() - started < connection.CONNECT


async def test_a_backend_that_the_server_ended_is_replaced(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    await world.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", world.login.username
    )
    assert (await world.deliver(records([2]), to=database)).saved.stored == 1


async def test_while_nothing_listens_it_stops_before_the_deadline_and_loses_nothing(
    world: World, link: Proxy
) -> None:
    link.refuse = True
    started = time.monotonic()
    outcome = await world.deliver(records(range(3)), seconds=4)
    assert time.monotonic() - started < 4
    assert batch.response(outcome) == {"batchItemFailures": [{"itemIdentifier": f"{0:056d}"}]}
    assert outcome.deferred == 3
    link.refuse = False
    assert (await world.deliver(records(range(3)))).saved.stored == 3


async def test_a_network_that_swallows_everything_does_not_hold_it_beyond_the_deadline(
    world: World, link: Proxy
) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    link.hold = True
    started = time.monotonic()
    outcome = await world.deliver(records([2]), to=database, seconds=4)
    assert outcome.first_deferred == f"{2:056d}"
    assert time.monotonic() - started < 4


async def test_an_attempt_that_hangs_leaves_time_for_another(world: World, link: Proxy) -> None:
    database = world.processor(attempt=1.0)
    await world.deliver(records([1]), to=database)
    link.hold = True
    work = asyncio.create_task(world.deliver(records([2]), to=database))
    await until(lambda: database.retries > 0)
    link.cut()
    link.hold = False
    assert (await work).saved.stored == 1


async def test_progress_that_was_committed_is_kept_when_time_runs_out(
    world: World, clean_world: World, link: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "CHUNK", 10)
    monkeypatch.setattr(chunk, "SLICE", 5)
    monkeypatch.setattr(kinesis, "SLICE", 5)
    everything = records(range(50))
    database = world.processor()
    await world.deliver(everything[:1], to=database)
    write = Writer.write

    async def cut_after_the_second(self: Writer, session: Session) -> Saved:
        if whole(self.chunk).events[0].sequence_number == f"{20:056d}":
            link.refuse = True
            link.cut()
        return await write(self, session)

    monkeypatch.setattr(Writer, "write", cut_after_the_second)
    outcome = await world.deliver(everything, to=database, seconds=4)
    assert outcome.first_deferred == f"{20:056d}"
    assert await world.count("student_performance") == 20
    monkeypatch.setattr(Writer, "write", write)
    link.refuse = False
    await world.deliver(everything[20:])
    await clean_world.deliver(everything)
    assert await world.tables() == await clean_world.tables()


async def test_a_fenced_primary_is_left_for_a_new_connection(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    await (await connection_of(database)).execute("SET default_transaction_read_only = on")
    assert (await world.deliver(records([2]), to=database)).saved.stored == 1


async def test_a_server_that_stays_read_only_stops_the_batch(world: World) -> None:
    name = world.login.dbname
    await world.owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    outcome = await world.deliver(records([1]), seconds=3)
    assert "25006" in outcome.why_deferred
    assert outcome.deferred == 1


async def test_too_many_connections_is_waited_for(world: World) -> None:
    role = world.login.username
    await world.owner.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 1')
    occupant = await connect(world.login)
    database = world.processor()
    work = asyncio.create_task(world.deliver(records([1]), to=database))
    await until(lambda: database.retries > 0)
    await occupant.close()
    assert (await work).saved.stored == 1


@pytest.mark.parametrize(
    "state",
    ["53100", "53200", "55006", "40001", "40P01", "57P01", "08006"],  # disk full, in use and so on
)
async def test_errors_that_pass_by_themselves_are_retried(world: World, state: str) -> None:
    """A trigger makes the server itself raise the error, until the trigger is dropped."""
    await world.owner.execute(
        f"""
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'for a while' USING ERRCODE = '{state}'; END $$;
        CREATE TRIGGER fail BEFORE INSERT ON student_performance FOR EACH ROW EXECUTE FUNCTION fail();
        """
    )
    database = world.processor()
    work = asyncio.create_task(world.deliver(records(range(10)), to=database))
    await until(lambda: database.retries > 0)
    async with world.owner.transaction():
        # This locks the whole log first, as the processor does: the DROP begins with the partitions.
        await world.owner.execute("LOCK TABLE student_performance; DROP FUNCTION fail CASCADE")
    outcome = await work
    assert (outcome.saved.stored, outcome.saved.rejected) == (10, {})


async def test_a_lock_that_is_held_is_waited_for_and_then_left_to_redelivery(world: World) -> None:
    holder = await connect(world.owner_login)
    lock = holder.transaction()
    await lock.start()
    await holder.execute("LOCK TABLE student_performance IN ACCESS EXCLUSIVE MODE")
    outcome = await world.deliver(records([1]), seconds=4)
    assert outcome.deferred == 1
    await lock.rollback()
    await holder.close()
    assert (await world.deliver(records([1]))).saved.stored == 1


async def test_the_server_itself_ends_statements_and_transactions_that_outlive_their_attempt(
    world: World,
) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    show = (await connection_of(database)).fetchval
    assert await show("SHOW statement_timeout") == "15s"
    assert await show("SHOW lock_timeout") == "10s"
    assert await show("SHOW idle_in_transaction_session_timeout") == "20s"


async def test_a_statement_that_hangs_is_retried_after_its_timeout(world: World) -> None:
    await world.owner.execute(
        """
        CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
        CREATE TRIGGER hang BEFORE INSERT ON student_performance FOR EACH ROW EXECUTE FUNCTION hang();
        """
    )
    database = world.processor(attempt=1.0)
    work = asyncio.create_task(world.deliver([record(1)], to=database))
    await until(lambda: database.retries > 0)
    await world.owner.execute("DROP FUNCTION hang CASCADE")
    assert (await work).saved.stored == 1


async def test_a_wrong_database_is_a_defect_and_raised(world: World) -> None:
    world.secrets["AWSCURRENT"] = msgspec.structs.replace(world.login, dbname="missing")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await world.deliver(records([1]))


async def test_without_time_left_nothing_is_tried(world: World) -> None:
    database = world.processor()

    async def work(_: Session) -> None:
        raise AssertionError("tried")

    with pytest.raises(RetryLater):
        await database.run(work, Deadline(connection.RESPONSE_MARGIN))


async def test_a_failover_of_two_minutes_costs_no_record(world: World, link: Proxy) -> None:
    """At a scale of 1:40, Lambda's four tries of 60 s outlast 120 s without a server, and none fails."""
    batch_records = records(range(5))
    link.refuse = True
    asyncio.get_running_loop().call_later(3.0, setattr, link, "refuse", False)  # noqa: FBT003 - an attribute's value
    tries = 0
    while True:
        tries += 1
        outcome = await world.deliver(batch_records, seconds=1.5 + connection.RESPONSE_MARGIN)
        if outcome.first_deferred is None:
            break
    assert tries <= 4
    assert await world.count("student_performance") == 5
