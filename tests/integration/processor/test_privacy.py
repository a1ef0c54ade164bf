"""The inventory of personal data declares every column of every table that there is, and no other."""

import re
from pathlib import Path

from tests.integration.processor.world import World

PRIVACY = Path(__file__).parents[3] / "docs" / "privacy.md"

COLUMNS = """
    SELECT relname AS table, attname AS column
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND attnum > 0 AND NOT attisdropped
"""


def declared() -> list[tuple[str, str]]:
    """Return each table and column that the inventory names, as often as it does."""
    _, _, rest = PRIVACY.read_text(encoding="utf-8").partition("<!-- inventory: begin -->")
    inventory, _, _ = rest.partition("<!-- inventory: end -->")
    lines = [line for line in inventory.splitlines() if line.startswith("| `")]
    named = [re.findall(r"`(\w+)`", line) for line in lines]
    return [(table, column) for table, *columns in named for column in columns]


async def test_every_column_is_declared_once(world: World) -> None:
    there = [tuple(row) for row in await world.owner.fetch(COLUMNS)]
    assert sorted(declared()) == sorted(there)


async def test_a_new_column_fails(world: World) -> None:
    await world.owner.execute("ALTER TABLE person ADD COLUMN born date")
    there = {tuple(row) for row in await world.owner.fetch(COLUMNS)}
    assert there - set(declared()) == {("person", "born")}
