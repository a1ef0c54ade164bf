"""Migrations while others use the database, and when something they need is missing at first."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import msgspec
import pytest

from processor import migrations
from processor.errors import MigrationFailed, RetryLater
from processor.pipeline import Pipeline
from processor.settings import Settings
from processor.storage.connection import Database, Deadline
from processor.storage.secret import CURRENT, PENDING, Login
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, connect

Migrate = Callable[[Session], Awaitable[list[str]]]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """The shipped pipeline, with a folder of migrations that a test can add to."""
    shutil.copytree(SHIPPED.folder, tmp_path, dirs_exist_ok=True)
    return replace(SHIPPED, folder=tmp_path)


def add(pipeline: Pipeline, sql: str) -> str:
    """Write one more migration; return its name."""
    name = f"{len(list(pipeline.migrations.glob('*.sql'))) + 1:04}_more"
    (pipeline.migrations / f"{name}.sql").write_text(sql)
    return name


@pytest.fixture
def owners(world: World) -> Database:
    """The database as the operations function connects to it."""
    world.secrets[CURRENT] = world.owner_login
    return world.processor(attempt=60)


def migrate(pipeline: Pipeline) -> Migrate:
    return lambda session: migrations.migrate(session.connection, None, [pipeline])


async def is_valid(world: World, index: str) -> bool | None:
    valid: bool | None = await world.owner.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", index
    )
    return valid


async def test_a_lock_that_somebody_holds_is_waited_for_with_pauses(
    world: World, owners: Database, pipeline: Pipeline
) -> None:
    name = add(pipeline, "ALTER TABLE event_source ADD COLUMN more int")
    reader = await connect(world.owner_login)
    await reader.execute("BEGIN; SELECT FROM event_source")

    async def end_reading() -> None:
        await asyncio.sleep(2.5)  # longer than one attempt waits
        await reader.execute("COMMIT")

    ending = asyncio.create_task(end_reading())
    assert await owners.run(migrate(pipeline), Deadline(60)) == [name]
    assert owners.retries > 0
    await ending
    await reader.close()


async def test_a_lock_that_is_never_given_is_told(world: World, owners: Database, pipeline: Pipeline) -> None:
    add(pipeline, "ALTER TABLE event_source ADD COLUMN more int")
    reader = await connect(world.owner_login)
    await reader.execute("BEGIN; SELECT FROM event_source")
    with pytest.raises(RetryLater, match="no time for another attempt"):
        await owners.run(migrate(pipeline), Deadline(8))
    await reader.close()


async def test_a_connection_that_is_lost_is_made_again(
    world: World, owners: Database, pipeline: Pipeline
) -> None:
    name = add(pipeline, "SELECT pg_sleep(1); CREATE TABLE more (id int)")
    running = asyncio.create_task(owners.run(migrate(pipeline), Deadline(60)))
    ending = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    )
    async with asyncio.timeout(30):
        while not await world.owner.fetchval(ending):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    assert await running == [name]
    assert owners.retries == 1


async def test_a_statement_that_ran_out_of_time_is_not_tried_again(
    owners: Database, pipeline: Pipeline
) -> None:
    name = add(pipeline, "SET LOCAL statement_timeout = '100ms'; SELECT pg_sleep(60)")
    with pytest.raises(MigrationFailed, match=rf"{name}\.sql: canceling statement due to statement timeout"):
        await owners.run(migrate(pipeline), Deadline(60))
    assert owners.retries == 0


async def test_the_release_before_takes_the_schema_of_the_one_after(
    owners: Database, pipeline: Pipeline
) -> None:
    # Deploying the previous release rolls a bad processor back, and what was added stays.
    name = add(pipeline, "CREATE TABLE more (id int)")
    assert await owners.run(migrate(pipeline), Deadline(60)) == [name]
    assert await owners.run(migrate(SHIPPED), Deadline(60)) == []


CONCURRENTLY = """\
DROP INDEX CONCURRENTLY IF EXISTS by_reason;
CREATE INDEX CONCURRENTLY by_reason ON rejected_event (reason); -- the comment does not matter
"""


async def test_an_index_is_made_concurrently_where_the_file_says_so(
    world: World, owners: Database, pipeline: Pipeline
) -> None:
    name = add(pipeline, f"-- no transaction\n{CONCURRENTLY}")
    assert await owners.run(migrate(pipeline), Deadline(60)) == [name]
    assert await is_valid(world, "by_reason")
    assert await owners.run(migrate(pipeline), Deadline(60)) == []


async def test_without_the_mark_postgresql_refuses_it(owners: Database, pipeline: Pipeline) -> None:
    name = add(pipeline, CONCURRENTLY)
    with pytest.raises(MigrationFailed, match=rf"{name}\.sql: .* cannot .*transaction block"):
        await owners.run(migrate(pipeline), Deadline(60))


async def test_a_marked_file_that_failed_halfway_runs_again_whole(
    world: World, owners: Database, pipeline: Pipeline
) -> None:
    await world.owner.execute("CREATE TABLE twice (id int); INSERT INTO twice VALUES (1), (1)")
    name = add(
        pipeline,
        "-- no transaction\nDROP INDEX CONCURRENTLY IF EXISTS once;\n"
        "CREATE UNIQUE INDEX CONCURRENTLY once ON twice (id);\n",
    )
    with pytest.raises(MigrationFailed, match=rf"{name}\.sql: could not create unique index"):
        await owners.run(migrate(pipeline), Deadline(60))
    assert await is_valid(world, "once") is False
    await world.owner.execute("DELETE FROM twice WHERE ctid = '(0,1)'")
    assert await owners.run(migrate(pipeline), Deadline(60)) == [name]
    assert await is_valid(world, "once") is True


async def test_two_deployments_at_a_time_do_not_wait_for_each_other_for_ever(
    world: World, owners: Database, pipeline: Pipeline
) -> None:
    # Waiting for the lock inside a statement would hold a snapshot, and CONCURRENTLY waits for snapshots.
    name = add(pipeline, f"-- no transaction\nSELECT pg_sleep(1);\n{CONCURRENTLY}")
    another = world.processor(attempt=60)
    both = (database.run(migrate(pipeline), Deadline(60)) for database in (owners, another))
    applied = await asyncio.gather(*both)
    assert sorted(applied) == [[], [name]]
    assert await is_valid(world, "by_reason")


def test_statements_end_at_the_end_of_a_line() -> None:
    text = "-- no transaction\n-- why\nVACUUM a;\nSELECT ';' ;  \n\nALTER TYPE t ADD VALUE 'x;y';"
    parts = migrations.Migration(1, "x", text, Path("x.sql")).statements
    assert parts is not None
    assert [part.splitlines()[-1].strip() for part in parts] == [
        "VACUUM a",
        "SELECT ';'",
        "ALTER TYPE t ADD VALUE 'x;y'",
    ]
    assert migrations.Migration(1, "x", "VACUUM a;\n", Path("x.sql")).statements is None


class TestTheProcessorsLogin:
    @pytest.fixture
    def settings(self, world: World, monkeypatch: pytest.MonkeyPatch) -> Settings:
        async def read_current(_: str) -> Login:
            return world.secrets[CURRENT]

        monkeypatch.setattr(migrations, "read_login", world.read_login)
        monkeypatch.setattr(migrations, "read_current_login", read_current)
        return Settings("arn:owner", sslmode="disable", processor_secret_arn="arn:processor")

    async def test_is_repaired_where_its_password_is_another(self, world: World, settings: Settings) -> None:
        # This happens when a backup from before a rotation is restored.
        await world.owner.execute(f"ALTER ROLE \"{world.login.username}\" PASSWORD 'of another time'")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(world.login)
        await migrations.migrate(
            world.owner, await migrations.login_to_make(settings.processor_secret_arn, settings), [SHIPPED]
        )
        await (await connect(world.login)).close()

    async def test_keeps_the_password_that_a_rotation_has_set_already(
        self, world: World, settings: Settings
    ) -> None:
        pending = msgspec.structs.replace(world.login, password="of tomorrow")
        world.secrets[PENDING] = pending
        await world.owner.execute(f"ALTER ROLE \"{world.login.username}\" PASSWORD 'of tomorrow'")
        await migrations.migrate(
            world.owner, await migrations.login_to_make(settings.processor_secret_arn, settings), [SHIPPED]
        )
        await (await connect(pending)).close()

    async def test_is_the_current_one_while_a_rotation_only_prepares(
        self, world: World, settings: Settings
    ) -> None:
        world.secrets[PENDING] = msgspec.structs.replace(world.login, password="of tomorrow")
        assert await migrations.login_to_make(settings.processor_secret_arn, settings) == world.login
