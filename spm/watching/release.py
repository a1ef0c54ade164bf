"""Tells whether changed pipelines can be released: imports and migrates them, and compares their tables.

It runs as a process of its own, ``python -P -m spm.watching.release``, because an imported module does not
change. It does what a deployment's migration does, and names places in the author's own files.
"""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence

import asyncpg
import msgspec

from processor import migrations, pipelines, places
from processor.errors import ConfigurationError, MigrationFailed, TransientError
from processor.pipeline import Pipeline
from processor.storage.connection import is_transient, open_connection
from processor.storage.secret import Login
from spm.authoring.choose import BrokenModule, imported
from spm.errors import InputError

SECONDS = 30.0  # for a statement
ATTEMPTS = 5
PAUSE = 0.5  # seconds


class Wanted(msgspec.Struct):
    """The modules, where to find them, and the logins of a deployment."""

    modules: Sequence[str]
    path: Sequence[str]
    owner: Login
    processor: Login
    reader: Login


class Released(msgspec.Struct):
    """The migrations that were applied, and what does not fit, each with its place."""

    applied: list[str] = []
    mistakes: list[str] = []


async def release(wanted: Wanted) -> Released:
    """Apply new migrations, and return what keeps the pipelines from being released."""
    try:
        found = [imported(module) for module in wanted.modules]
        pipelines.load(wanted.modules)
        if begun := [mistake for pipeline in found for mistake in _begun(pipeline)]:
            return Released(mistakes=begun)
    except (BrokenModule, InputError, ConfigurationError, MigrationFailed) as error:
        return Released(mistakes=[str(error)])
    for _ in range(ATTEMPTS - 1):
        try:
            return await _migrated(wanted, found)
        except (TransientError, asyncpg.PostgresError) as error:
            if isinstance(error, asyncpg.PostgresError) and not is_transient(error):
                raise
            await asyncio.sleep(PAUSE)  # a batch may hold a lock, for example
    return await _migrated(wanted, found)


def _begun(pipeline: Pipeline) -> Iterator[str]:
    """Yield the migrations that are still empty, because once applied they could not be filled any more."""
    for migration in migrations.available(pipeline.migrations):
        if not re.sub(r"--.*", "", migration.sql).strip():
            yield f"{places.at(migration.file)}: there is no statement in it yet"


async def _migrated(wanted: Wanted, found: Sequence[Pipeline]) -> Released:
    connection = await open_connection(wanted.owner, "disable", SECONDS)
    try:
        applied = await migrations.migrate(connection, wanted.processor, found, reader=wanted.reader)
    except MigrationFailed as failed:
        return Released(mistakes=[*failed.mistakes] or [str(failed)])
    finally:
        await connection.close()
    return Released(applied)


def main() -> None:
    """Read a ``Wanted`` from standard input, and write a ``Released`` to standard output."""
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted, strict=False)
    sys.path += wanted.path
    told = asyncio.run(release(wanted))
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main()
