"""The inventory of personal data declares exactly the columns of the tables that exist."""

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
    """Return each table and column that the inventory names, as often as it names them."""
    named = [names(line) for line in lines(PRIVACY.read_text(encoding="utf-8"))]
    return [(table, column) for table, *columns in named for column in columns]


def personal(page: str) -> list[tuple[str, str]]:
    """Return each table and column that holds something about a person, according to the page's inventory."""
    cells = [line.split("|")[1:3] for line in lines(page)]
    return [
        (table, column) for [table], columns in (map(names, pair) for pair in cells) for column in columns
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def lines(page: str) -> list[str]:
    _, _, rest = page.partition("<!-- inventory: begin -->")
    inventory, _, _ = rest.partition("<!-- inventory: end -->")
    return [line for line in inventory.splitlines() if line.startswith("| `")]


async def test_every_column_is_declared_once(world: World) -> None:
    there = [tuple(row) for row in await world.owner.fetch(COLUMNS)]
    assert sorted(declared()) == sorted(there)


async def test_a_new_column_fails(world: World) -> None:
    await world.owner.execute("ALTER TABLE person ADD COLUMN born date")
    there = {tuple(row) for row in await world.owner.fetch(COLUMNS)}
    assert there - set(declared()) == {("person", "born")}
