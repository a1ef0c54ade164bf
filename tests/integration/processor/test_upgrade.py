"""An upgrade from release 0.2.0: its schema with rows in it becomes today's, and nothing is lost."""

from pathlib import Path
from typing import Any

import pytest

from processor import migrations, statements
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE
from tests.integration.processor.world import World, parsed, records

RELEASED = {"framework": 6, PIPELINE.name: 7}
"""The release's last migration, by pipeline. Migrations are frozen, so the files still give its schema."""

FOLDERS = {"framework": statements.FOLDER / "migrations", PIPELINE.name: PIPELINE.migrations}
ROWS = Path(__file__).with_name("release_0_2_0.sql").read_text(encoding="utf-8")
MIGRATE = statements.load(statements.FOLDER / "migrate.sql")

SETTINGS = Settings("arn:secret")

TABLES = """
    SELECT relname, array_agg(attname::text ORDER BY attnum) AS columns
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND attnum > 0 AND NOT attisdropped AND relname NOT IN ('schema_migration', 'pipeline_table')
    GROUP BY relname
"""


@pytest.fixture
async def released(world: World) -> World:
    """A database as release 0.2.0 left it."""
    await world.owner.execute("DROP SCHEMA public, reading CASCADE; CREATE SCHEMA public")
    await world.owner.execute(MIGRATE["make_log"])
    for owner, folder in FOLDERS.items():
        for migration in migrations.available(folder)[: RELEASED[owner]]:
            await world.owner.execute(migration.sql)
            row = (owner, migration.version, migration.name, migration.checksum)
            await world.owner.execute(MIGRATE["record"], *row)
    await world.owner.execute(ROWS)
    return world


async def rows(world: World, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of these tables and columns, sorted."""
    found = {}
    for table, names in columns.items():
        row = ", ".join(f'"{name}"' for name in names)
        stored = await world.owner.fetch(f'SELECT {row} FROM "{table}"')  # noqa: S608 - names of the catalogue
        found[table] = sorted(map(tuple, stored), key=repr)
    return found


async def upgrade(world: World) -> None:
    await migrations.migrate(world.owner, world.login, [PIPELINE], reader=world.reader_login)


async def test_every_row_of_the_release_is_still_there(released: World) -> None:
    columns = {row["relname"]: row["columns"] for row in await released.owner.fetch(TABLES)}
    before = await rows(released, columns)
    assert len(before["student_performance"]) == 4
    await upgrade(released)
    assert await rows(released, columns) == before


async def test_todays_code_goes_on_with_what_the_release_stored(released: World) -> None:
    await upgrade(released)
    again = await released.deliver(records([1, 2, 15, 16]))
    assert (again.saved.stored, again.saved.duplicates) == (1, 3)
    await PIPELINE.upkeep.compact(released.owner)
    events = await released.owner.fetchval("SELECT sum(events) FROM student_course")
    assert events == await released.count("student_performance") == 5
    answer = await parsed({"command": "check"}).run(Session(released.owner), SETTINGS)
    assert set(answer.differences.values()) == {0}
