"""A PostgreSQL of the benchmarks' own: durable as by default, with the project's schema and its processor."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from emulation.postgres import PostgresServer
from processor.migrations import migrate
from processor.settings import Settings
from processor.storage.connection import Database
from processor.storage.secret import Login
from processor.student_performance import PIPELINE

DATABASE = f"bench_{os.getpid()}"
PROCESSOR = "processor"
PASSWORD = "of a server that lives for one run"  # noqa: S105


@dataclass(frozen=True)
class BenchDatabase:
    """A migrated database, and who may log in there."""

    processor: Login
    owner_dsn: str

    def database(self) -> Database:
        """Return the processor's own database object, its login given instead of read from a secret."""

        async def read(_arn: str, _stage: str) -> Login:
            return self.processor

        return Database(Settings(secret_arn="none", sslmode="disable"), read=read)  # noqa: S106

    async def connect(self) -> asyncpg.Connection:
        """Return a connection of the processor's role."""
        login = self.processor
        return await asyncpg.connect(
            host=login.host,
            port=login.port,
            user=login.username,
            password=login.password,
            database=login.dbname,
            ssl=False,
        )

    @property
    def dsn(self) -> str:
        """The processor's connection URI, for the peers."""
        login = self.processor
        password = login.password.replace(" ", "%20")
        return f"postgresql://{login.username}:{password}@{login.host}:{login.port}/{login.dbname}"


@contextlib.contextmanager
def server() -> Iterator[PostgresServer]:
    """Start a server, and remove it with everything it holds; stopped and started again it holds the same."""
    with tempfile.TemporaryDirectory(prefix="spm-bench-") as folder:
        Path(folder).chmod(0o755)
        postgres = PostgresServer(Path(folder) / "run", data=Path(folder) / "data")
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


def new_target(postgres: PostgresServer, name: str = DATABASE) -> BenchDatabase:
    """Return a new, migrated database on the server."""
    postgres.drop_database(name)
    postgres.create_database(name)
    target = target_of(postgres, name)
    asyncio.run(_migrate(target.owner_dsn, target.processor))
    return target


def target_of(postgres: PostgresServer, name: str = DATABASE) -> BenchDatabase:
    """Return the database of the name; a server that was started again listens elsewhere."""
    return BenchDatabase(Login(postgres.host, postgres.port, PROCESSOR, PASSWORD, name), postgres.dsn(name))


async def _migrate(dsn: str, login: Login) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, login, [PIPELINE])
    finally:
        await connection.close()


class Busy:
    """The processor time that the server's processes for our connections have used (Linux)."""

    def __init__(self, database: str = DATABASE) -> None:
        mark = f" {database}".encode()
        self._processes = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes().startswith(b"postgres: ") and mark in path.read_bytes():
                    self._processes.append(path.with_name("schedstat"))

    def __call__(self) -> float:
        """Return the seconds."""
        nanoseconds = 0
        for path in self._processes:
            with contextlib.suppress(OSError):
                nanoseconds += int(path.read_bytes().split()[0])
        return nanoseconds / 1e9
