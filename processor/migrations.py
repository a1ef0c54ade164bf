"""Bringing the schema up to date: numbered files, each applied once, in a transaction of its own.

While a deployment runs, the old code still writes: a migration only adds (expand); what nobody uses any
more is removed by a later release's migration (contract).
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import asyncpg

from processor import statements
from processor.connection import open_connection
from processor.errors import MigrationFailed
from processor.secret import Login, read_current_login
from processor.settings import Settings

FOLDER = statements.FOLDER / "migrations"
SQL = statements.load(statements.FOLDER / "migrate.sql")

PATIENCE = 600.0  # seconds for one statement of a migration

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    """One file of ``sql/migrations``."""

    version: int
    name: str
    sql: str

    def __str__(self) -> str:
        """Return the file's name without its ending."""
        return f"{self.version:04}_{self.name}"

    @property
    def checksum(self) -> str:
        """Return a digest of the text, kept with the version to notice that an applied file was edited."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def available(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations in order; raise MigrationFailed when their numbers are not 1, 2, 3, …"""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise MigrationFailed(f"{path.name}: expected {len(found) + 1:04}_name.sql as the next migration")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return found


async def migrate(
    connection: asyncpg.Connection, processor: Login | None, folder: Path = FOLDER
) -> list[str]:
    """Apply what is missing, make the processor's login, and return the names of what was applied.

    Safe to run again and from several places at once: a lock is held until the connection is closed.
    Raises MigrationFailed with the database's message; what was applied before stays.
    """
    await connection.execute(SQL["lock"])
    await connection.execute(SQL["make_log"])
    applied = {row["version"]: row["checksum"] for row in await connection.fetch(SQL["applied"])}
    applied_now = []
    for migration in available(folder):
        known = applied.get(migration.version)
        if known is None:
            await _apply(connection, migration)
            applied_now.append(str(migration))
        elif known != migration.checksum:
            raise MigrationFailed(
                f"{migration} was changed after it was applied: put it back as it was, write a new migration"
            )
    if processor:
        await connection.execute(SQL["make_processor_login"], processor.username, processor.password)
    return applied_now


async def migrate_as_owner(settings: Settings, owner_secret: str, processor_secret: str | None) -> list[str]:
    """Run ``migrate`` with the owner's login; make the login of the processor's secret, if one is named."""
    processor = await read_current_login(processor_secret) if processor_secret else None
    owner = await read_current_login(owner_secret)
    connection = await open_connection(owner, settings.sslmode, PATIENCE)
    try:
        return await migrate(connection, processor if processor != owner else None)
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(SQL["record"], migration.version, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"{migration}: {error}") from error
