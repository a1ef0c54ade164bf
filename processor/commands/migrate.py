"""Brings the schema up to date. A deployment asks for this."""

import msgspec

from processor import migrations
from processor.commands.command import Command
from processor.settings import Settings
from processor.storage.session import Session


class MigrateAnswer(msgspec.Struct):
    """The names of the migrations that were applied now, and the version of what all pipelines share."""

    applied: list[str]
    schema_version: int


class Migrate(Command[MigrateAnswer], tag="migrate"):
    """Bring the schema up to date and make the logins of the other functions."""

    async def run(self, session: Session, settings: Settings) -> MigrateAnswer:
        """Apply what is missing."""
        processor = await migrations.login_to_make(settings.processor_secret_arn, settings)
        reader = await migrations.login_to_make(settings.reader_secret_arn, settings)
        applied = await migrations.migrate(
            session.connection, processor, settings.pipelines.values(), reader=reader
        )
        return MigrateAnswer(applied, schema_version=len(migrations.available()))
