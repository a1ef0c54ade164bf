"""Fixtures: one real PostgreSQL for all of these tests, and a fresh database with the schema for each."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec
import pytest
from asyncpg import Connection

from emulation.postgres import PostgresServer
from processor import environment
from processor.commands.command import Command
from processor.settings import Settings
from processor.storage.secret import CURRENT, Login
from processor.storage.session import Session
from tests.integration.processor.diary import DUE, STUDENTS, Diary, add_work, enrol
from tests.integration.processor.world import World, connect, make_logins, make_schema


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    # The operating system decides when to sync: these tests kill processes, never the machine.
    server = PostgresServer(Path(tmp_path_factory.mktemp("processor")), durable=False)
    server.start()
    yield server
    server.stop()


SCHEMA: Final = "schema"
"""The database that each test gets a copy of, because migrating takes longer than most tests."""


class Server(Protocol):
    """What a test needs to know about a PostgreSQL server."""

    host: str
    port: int
    user: str
    password: str


def owner_login(server: Server, database: str) -> Login:
    return Login(server.host, server.port, server.user, server.password, database)


async def make_world(server: Server) -> World:
    """Make a database for one test, as a copy of one that has the schema, with roles of its own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    owner = owner_login(server, name)
    processor = Login(server.host, server.port, f"processor_{name}", 'it\'s a "password" \\ %', name)
    reader = msgspec.structs.replace(processor, username=f"reader_{name}")
    admin = await connect(owner_login(server, "postgres"))
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", SCHEMA):
        await _make_schema(server, admin)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {SCHEMA}')
    # A copy does not get the rights on the database itself, so this sets what the migrations set.
    await admin.execute(f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
    await admin.close()
    connection = await connect(owner)
    await make_logins(connection, processor, reader)
    return World(connection, owner, processor, reader)


async def _make_schema(server: Server, admin: Connection) -> None:
    await admin.execute(f"CREATE DATABASE unfinished_{SCHEMA}")
    await make_schema(owner_login(server, f"unfinished_{SCHEMA}"))
    await admin.execute(f"ALTER DATABASE unfinished_{SCHEMA} RENAME TO {SCHEMA}")


async def drop_world(server: Server, world: World) -> None:
    await world.close()
    admin = await connect(owner_login(server, "postgres"))
    await admin.execute(f'DROP DATABASE "{world.login.dbname}" WITH (FORCE)')
    await admin.execute(f'DROP ROLE "{world.login.username}", "{world.reader_login.username}"')
    await admin.close()


@pytest.fixture
async def world(server: PostgresServer) -> AsyncIterator[World]:
    world = await make_world(server)
    yield world
    await drop_world(server, world)


@pytest.fixture
def session(world: World) -> Session:
    return Session(world.owner)


@pytest.fixture
async def school(world: World) -> World:
    """One course of six students with three pieces of work, and an exam that is never due."""
    await world.owner.execute(
        "INSERT INTO course VALUES ('math', 'Maths', 'Europe/Berlin', '2026-09-01', '2026-12-01')"
    )
    for work, due in DUE.items():
        await add_work(world, work, due)
    await add_work(world, "EX", DUE["A1"], counts=False)
    for student in STUDENTS:
        await enrol(world, student)
    return world


@pytest.fixture
def diary(school: World) -> Diary:
    return Diary(school)


@pytest.fixture
async def clean_world(server: PostgresServer) -> AsyncIterator[World]:
    """A second world, for the clean delivery that the outcome of a fault is compared with."""
    world = await make_world(server)
    yield world
    await drop_world(server, world)


@pytest.fixture
def as_owner(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Make this process an execution environment of the operations function, which logs in as the owner."""
    with owning(server, monkeypatch) as world:
        yield world


@contextmanager
def owning(server: PostgresServer, patch: pytest.MonkeyPatch) -> Iterator[World]:
    world = environment.LOOP.run(make_world(server))
    world.secrets[CURRENT] = world.owner_login
    database = world.processor(attempt=Command.patience)
    patch.setattr(environment, "settings", lambda: Settings("arn:secret"))
    patch.setattr(environment, "database", lambda **_: database)
    yield world
    environment.LOOP.run(drop_world(server, world))
