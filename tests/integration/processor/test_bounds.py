"""Every batch that Lambda can deliver ends in time and within the function's memory, and no event is lost."""

import pytest

from bench import hostile
from tests.integration.processor.world import World

PROCESSOR_SECONDS = 20
MEBIBYTES = 400  # of the function's 512

SHORT = ("valid, plain", "not_json, plain", "null_character, aggregated", "100,000 names, the last twice")


async def keeps_within_bounds(world: World, name: str, *, duplicate: bool) -> None:
    await hostile.refuse_negative_scores(
        f"postgresql://{world.owner_login.username}:{world.owner_login.password}"
        f"@{world.owner_login.host}:{world.owner_login.port}/{world.owner_login.dbname}"
    )
    cost = hostile.run(world.login, name, duplicate=duplicate)
    assert cost["processor_seconds"] <= PROCESSOR_SECONDS
    assert cost["mebibytes"] <= MEBIBYTES
    assert (cost["deferred"], cost["retries"]) == (0, 0)
    assert cost["stored"] + cost["duplicates"] + cost["rejected"] == cost["events"] > 0
    assert cost["duplicates"] == duplicate


@pytest.mark.parametrize("name", SHORT)
async def test_a_few_kinds(world: World, name: str) -> None:
    await keeps_within_bounds(world, name, duplicate=False)


@pytest.mark.long
@pytest.mark.parametrize("name", hostile.names())
async def test_every_kind(world: World, name: str) -> None:
    """Only the largest kind has duplicates here; ``./scripts/bench --full hostile`` tries both for all."""
    await keeps_within_bounds(world, name, duplicate=name.endswith("aggregated"))
