"""The variations of the schema that ./scripts/bench measures fit today's schema."""

import asyncpg
import pytest

from bench import storage
from tests.integration.processor.conftest import server, world
from tests.integration.processor.world import World

__all__ = ["server", "world"]


async def test_each_variation_can_be_made_and_still_makes_months(world: World) -> None:
    for name in storage.VARIANTS:
        transaction = world.owner.transaction()
        await transaction.start()
        try:
            await world.owner.execute("DO $$ BEGIN CREATE ROLE processor; EXCEPTION WHEN others THEN END $$")
            await world.owner.execute("DROP SCHEMA reading CASCADE")  # the benchmark's database has no reader
            await world.owner.execute(storage.SQL[name])
            assert await world.owner.fetchval("SELECT make_month('student_performance', '2026-11-01')"), name
        except asyncpg.PostgresError as error:
            pytest.fail(f"{name}: {error}")
        finally:
            await transaction.rollback()
