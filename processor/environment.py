"""What the invocations of an execution environment share: its event loop, settings and database."""

import asyncio
import os
from functools import cache, partial
from typing import Final

from processor.settings import Settings
from processor.storage.connection import ATTEMPT, Database

# One loop for the life of the environment, because the connection is bound to it.
LOOP: Final = asyncio.Runner()


@cache
def settings() -> Settings:
    """Return the function's settings. Raise ConfigurationError if one is wrong."""
    return Settings.from_environment(os.environ)


@cache
def database(attempt: float = ATTEMPT, statement: float | None = None) -> Database:
    """Return the environment's database. An attempt at work may take this many seconds.

    ``statement`` is how many seconds one of its statements may take, if that is fewer.

    Raises ConfigurationError if a setting is wrong.
    """
    mine = settings()
    if mine.migration_secret_arn is None:
        return Database(mine, attempt=attempt, statement=statement)
    from processor.migrations import migrate_as_owner  # noqa: PLC0415 - only where no deployment step migrates

    prepare = partial(migrate_as_owner, mine, mine.migration_secret_arn)
    return Database(mine, attempt=attempt, statement=statement, prepare=prepare)
