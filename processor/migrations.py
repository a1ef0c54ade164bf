"""Bringing the schema up to date: numbered files, each applied once, in a transaction of its own.

While a deployment runs, the old code still writes: a migration only adds (expand); what nobody uses any
more is removed by a later release's migration (contract).
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import asyncpg

from processor import contracts, statements
from processor.errors import MigrationFailed
from processor.pipeline import Pipeline
from processor.pipelines import SHIPPED
from processor.settings import Settings
from processor.storage.connection import open_connection
from processor.storage.scram import verifier
from processor.storage.secret import Login, read_current_login

SQL = statements.load(statements.FOLDER / "migrate.sql")

PATIENCE = 600.0  # seconds for one statement of a migration

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    """One file of a pipeline's folder of migrations."""

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


def available(folder: Path = SHIPPED.migrations) -> list[Migration]:
    """Return the migrations in order; raise MigrationFailed when their numbers are not 1, 2, 3, …"""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise MigrationFailed(f"{path.name}: expected {len(found) + 1:04}_name.sql as the next migration")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return found


async def migrate(
    connection: asyncpg.Connection, processor: Login | None, pipelines: Iterable[Pipeline] = (SHIPPED,)
) -> list[str]:
    """Apply what is missing, check that each pipeline fits its tables, and make the processor's login.

    The pipeline that ships comes first: its migrations make what all share. Returns the names of what was
    applied. Safe to run again and from several places at once: a lock is held meanwhile, and after a failure
    until the connection is closed. Raises MigrationFailed with the database's message; what was applied
    before stays.
    """
    await connection.execute(SQL["lock"])
    await connection.execute(SQL["make_log"])
    applied_now = []
    for pipeline in pipelines:
        applied_now += await _migrate_pipeline(connection, pipeline)
        await contracts.check(connection, pipeline)
    if processor:
        await connection.execute(
            SQL["make_processor_login"], processor.username, verifier(processor.password)
        )
    await connection.execute(SQL["unlock"])
    return applied_now


async def _migrate_pipeline(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    rows = await connection.fetch(SQL["applied"], pipeline.name)
    applied = {row["version"]: row["checksum"] for row in rows}
    applied_now = []
    for migration in available(pipeline.migrations):
        known = applied.get(migration.version)
        if known is None:
            await _apply(connection, pipeline, migration)
            applied_now.append(str(migration))
        elif known != migration.checksum:
            raise MigrationFailed(
                f"{migration} was changed after it was applied: put it back as it was, write a new migration"
            )
    return applied_now


async def migrate_as_owner(settings: Settings, owner_secret: str) -> list[str]:
    """Run ``migrate`` with the owner's login, on a connection of its own."""
    processor = await processor_login(settings)
    owner = await read_current_login(owner_secret)
    connection = await open_connection(owner, settings.sslmode, PATIENCE)
    try:
        return await migrate(connection, processor, settings.pipelines.values())
    finally:
        await connection.close()


async def processor_login(settings: Settings) -> Login | None:
    """Return the login that is to be made for the processor; None where no secret of one is named."""
    arn = settings.processor_secret_arn
    return await read_current_login(arn) if arn else None


async def _apply(connection: asyncpg.Connection, pipeline: Pipeline, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                SQL["record"], pipeline.name, migration.version, migration.name, migration.checksum
            )
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"{migration}: {error}") from error
