"""Bringing the schema up to date: what a deployment asks for."""

from typing import Any

from processor import migrations
from processor.commands.command import Command
from processor.settings import Settings
from processor.storage.connection import Session


class Migrate(Command, tag="migrate"):
    """Bring the schema up to date and make the processor's login."""

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Return the names of the migrations that were applied now, and the version of what all share."""
        processor = await migrations.processor_login(settings)
        applied = await migrations.migrate(session.connection, processor, settings.pipelines.values())
        return {"applied": applied, "schema_version": len(migrations.available())}
