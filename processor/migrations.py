"""Brings the schema up to date by numbered files, each applied once, in a transaction of its own.

While a deployment runs, the old code still writes. So a migration only adds (expand), and a migration of a
later release removes what nobody uses any more (contract).

A file that begins with ``-- no transaction`` is for what PostgreSQL does only outside transactions, such as
``CREATE INDEX CONCURRENTLY``. Each of its statements ends with a ``;`` at the end of a line and is committed
by itself. After a failure all of them run again, so they must allow that: a ``DROP INDEX CONCURRENTLY IF
EXISTS`` comes before the ``CREATE``, because a failed one leaves an invalid index behind.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from processor import contracts, places, statements
from processor.errors import MigrationFailed, TransientError
from processor.pipeline import Pipeline
from processor.settings import Settings
from processor.storage.connection import is_transient, open_connection
from processor.storage.scram import verifier
from processor.storage.secret import PENDING, Login, read_current_login, read_login

SQL = statements.load(statements.FOLDER / "migrate.sql")

FRAMEWORK: Final = "framework"
"""The name, in the log of migrations, of those for the tables that all pipelines share."""

PATIENCE = 600.0  # seconds for one statement of a migration

LOCK_PATIENCE = 10.0  # seconds to wait for another migration, until the whole work is tried again
LOCK_POLL = 0.5  # seconds; waiting inside a statement would hold a snapshot, which CONCURRENTLY waits for

_NO_TRANSACTION = "-- no transaction"
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    """One file of a pipeline's folder of migrations."""

    version: int
    name: str
    sql: str
    file: Path

    def __str__(self) -> str:
        """Return the file's name without its ending."""
        return f"{self.version:04}_{self.name}"

    @property
    def statements(self) -> list[str] | None:
        """Return the statements that are to run outside a transaction, or None if the whole runs in one."""
        if not self.sql.startswith(_NO_TRANSACTION):
            return None
        parts = re.split(r";[ \t]*(?:\n|\Z)", self.sql)
        return [part for part in parts if re.sub(r"--.*", "", part).strip()]

    @property
    def checksum(self) -> str:
        """Return a digest of the text. It is kept with the version, so that an edited file is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def available(folder: Path = statements.FOLDER / "migrations") -> list[Migration]:
    """Return the migrations in order. Raise MigrationFailed if their numbers are not 1, 2, 3, …"""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            expected = f"{len(found) + 1:04}_name.sql"
            raise MigrationFailed(f"{places.at(path)}: expected {expected} as the next migration")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8"), path))
    return found


async def migrate(
    connection: asyncpg.Connection,
    processor: Login | None,
    pipelines: Iterable[Pipeline],
    *,
    reader: Login | None = None,
) -> list[str]:
    """Apply what is missing, check that each pipeline fits its tables, and make the functions' logins.

    What all pipelines share comes first. Returns the names of what was applied. It is safe to run this again
    and from several places at once, because it holds a lock; after a failure, until the connection is closed.
    Raises MigrationFailed with the database's message; what was applied before stays. Transient errors are
    raised as they are, including locks that were not given in time, because ``Database.run`` tries again on a
    new connection.
    """
    await _lock(connection)
    await connection.execute(SQL["make_log"])
    applied_now = await _apply_missing(connection, FRAMEWORK, available())
    for pipeline in pipelines:
        applied_now += await _apply_missing(connection, pipeline.name, available(pipeline.migrations))
        if wrong := await contracts.mistakes(connection, pipeline):
            raise MigrationFailed(f"the pipeline {pipeline.name} does not fit", wrong)
        await _register(connection, pipeline)
    if processor:
        await connection.execute(SQL["make_processor_login"], *_role_and_verifier(processor))
    if reader:
        await connection.execute(SQL["make_reader_login"], *_role_and_verifier(reader))
    await connection.execute(SQL["unlock"])
    return applied_now


async def _lock(connection: asyncpg.Connection) -> None:
    try:
        async with asyncio.timeout(LOCK_PATIENCE):
            while not await connection.fetchval(SQL["lock"]):  # noqa: ASYNC110 - PostgreSQL tells of no release
                await asyncio.sleep(LOCK_POLL)
    except TimeoutError:
        raise TransientError("another migration is still running") from None


async def _apply_missing(
    connection: asyncpg.Connection, owner: str, migrations: Iterable[Migration]
) -> list[str]:
    rows = await connection.fetch(SQL["applied"], owner)
    applied = {row["version"]: row["checksum"] for row in rows}
    applied_now = []
    for migration in migrations:
        known = applied.get(migration.version)
        if known is None:
            await _apply(connection, owner, migration)
            applied_now.append(str(migration))
        elif known != migration.checksum:
            raise MigrationFailed(
                f"{places.at(migration.file)} was changed after it was applied: restore it, and"
                " write a new migration"
            )
    return applied_now


async def migrate_as_owner(settings: Settings, owner_secret: str) -> list[str]:
    """Run ``migrate`` with the owner's login, on a connection of its own."""
    processor = await login_to_make(settings.processor_secret_arn, settings)
    reader = await login_to_make(settings.reader_secret_arn, settings)
    owner = await read_current_login(owner_secret)
    connection = await open_connection(owner, settings.sslmode, PATIENCE)
    try:
        return await migrate(connection, processor, settings.pipelines.values(), reader=reader)
    finally:
        await connection.close()


async def login_to_make(arn: str | None, settings: Settings) -> Login | None:
    """Return the login of a secret that is to be made, or None if no secret is named.

    This is the version of the secret that PostgreSQL already accepts, because a rotation may have got that
    far. If it accepts none, this is the current version, which repairs a role with another password.
    """
    if arn is None:
        return None
    current, pending = await read_current_login(arn), await read_login(arn, PENDING)
    for login in (current, pending):
        if login and await _is_taken(login, settings):
            return login
    return current


def _role_and_verifier(login: Login) -> tuple[str, str]:
    return login.username, verifier(login.password)


async def _is_taken(login: Login, settings: Settings) -> bool:
    try:
        connection = await open_connection(login, settings.sslmode, LOCK_PATIENCE)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    await connection.close()
    return True


async def _register(connection: asyncpg.Connection, pipeline: Pipeline) -> None:
    """Note what each of its tables is, because the rights of the logins depend on it."""
    tables = [(pipeline.table, "event log"), *((p.name, p.kind) for p in pipeline.projections)]
    await connection.executemany(SQL["register"], tables)


async def _apply(connection: asyncpg.Connection, owner: str, migration: Migration) -> None:
    record = (owner, migration.version, migration.name, migration.checksum)
    try:
        if migration.statements is None:
            async with connection.transaction():
                await connection.execute(SQL["wait_briefly"])
                await connection.execute(migration.sql)
                await connection.execute(SQL["record"], *record)
        else:
            await connection.execute(SQL["wait_long"])
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute(SQL["wait_as_usual"])
            await connection.execute(SQL["record"], *record)
    except asyncpg.PostgresError as error:
        # A statement that was cancelled ran into the time limit, and would again.
        if is_transient(error) and not isinstance(error, asyncpg.QueryCanceledError):
            raise
        line = 0
        if error.position and migration.statements is None:
            line = places.of_position(migration.sql, error.position) + 1
        told = f"{places.at(migration.file, line)}: {error}"
        raise MigrationFailed(f"a migration of the {owner} failed", [told]) from error
