"""Bringing the schema up to date: what a deployment asks for."""

import msgspec

from processor import migrations
from processor.commands.command import Command
from processor.settings import Settings
from processor.storage.connection import Session


class MigrateAnswer(msgspec.Struct):
    """The names of the migrations that were applied now, and the version of what all pipelines share."""

    applied: list[str]
    schema_version: int


class Migrate(Command[MigrateAnswer], tag="migrate"):
    """Bring the schema up to date and make the processor's login."""

    async def run(self, session: Session, settings: Settings) -> MigrateAnswer:
        """Apply what is missing."""
        processor = await migrations.processor_login(settings)
        applied = await migrations.migrate(session.connection, processor, settings.pipelines.values())
        return MigrateAnswer(applied, schema_version=len(migrations.available()))
