"""The operations Lambda function: the one way for people and deployments to reach the database.

Invoked with ``{"command": "...", ...}``, or by CloudFormation as the custom resource that migrates.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, get_args

import msgspec

from processor import deployment, fold, migrations, quarantine, rebuild, reports, retention
from processor.connection import Database, Deadline, Session
from processor.errors import CommandError
from processor.handler import Context
from processor.pipelines import Pipelines
from processor.settings import Settings

# Long enough for a report over years, short enough to end before the function's own time limit.
ATTEMPT = 600.0

_LOOP = asyncio.Runner()


class Migrate(msgspec.Struct, tag="migrate", tag_field="command", forbid_unknown_fields=True):
    """Bring the schema up to date and make the processor's login."""


Command = (
    Migrate
    | reports.Status
    | reports.Query
    | quarantine.Rejected
    | quarantine.Redrive
    | retention.Retention
    | rebuild.Rebuild
    | fold.Fold
)
Run = Callable[[Session, Pipelines, Any], Awaitable[dict[str, Any]]]


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run the command and return its answer (docs/reference.md, "Operations").

    A wrong command is answered with ``refused``, its message: no error of the function, which would raise the
    alarm. Raises MigrationFailed, and RetryLater when the database stays away. As a custom resource it raises
    nothing: CloudFormation gets the message.
    """
    deadline = Deadline(context.get_remaining_time_in_millis() / 1000)
    if "RequestType" in event:
        return deployment.answer(event, lambda: _LOOP.run(_run(Migrate(), deadline)))
    try:
        return _LOOP.run(_run(command(event), deadline))
    except CommandError as error:
        return {"refused": str(error)}


def command(event: Mapping[str, Any]) -> Command:
    """Return the command that the event spells; raise CommandError naming what is wrong with it."""
    try:
        wanted: Command = msgspec.convert(event, type=Command)
    except msgspec.ValidationError as error:
        names = ", ".join(sorted(str(kind.__struct_config__.tag) for kind in get_args(Command)))
        raise CommandError(f"{error}; the commands are {names}") from error
    return wanted


async def _run(wanted: Command, deadline: Deadline) -> dict[str, Any]:
    if isinstance(wanted, Migrate):
        return await _migrate()
    if isinstance(wanted, fold.Fold):
        deadline = Deadline(fold.PATIENCE)
    run, pipelines = _HOW[type(wanted)], settings().pipelines
    return await database().run(lambda session: run(session, pipelines, wanted), deadline)


async def _migrate() -> dict[str, Any]:
    mine = settings()
    applied = await migrations.migrate_as_owner(mine, mine.secret_arn, mine.processor_secret_arn)
    return {"applied": applied, "schema_version": len(migrations.available())}


@cache
def settings() -> Settings:
    """Return the function's settings; raise ConfigurationError when one is wrong."""
    return Settings.from_environment(os.environ)


@cache
def database() -> Database:
    """Return the execution environment's database; raise ConfigurationError when a setting is wrong."""
    mine = settings()
    prepare = _migrate if mine.migration_secret_arn else None
    return Database(mine, attempt=ATTEMPT, prepare=prepare)


_HOW: Mapping[type[Command], Run] = {
    reports.Status: reports.status,
    reports.Query: reports.query,
    quarantine.Rejected: quarantine.rejected,
    quarantine.Redrive: quarantine.redrive,
    retention.Retention: retention.drop_months,
    rebuild.Rebuild: rebuild.rebuild,
    fold.Fold: fold.fold,
}
