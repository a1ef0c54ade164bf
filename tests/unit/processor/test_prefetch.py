"""Items made ahead are the same items, in the same order, and so are failures."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.storage.prefetch import Prefetch


def counting(made: list[int], until: int, fail_at: int | None = None) -> Iterator[int]:
    for number in range(until):
        if number == fail_at:
            raise ValueError(f"item {number}")
        made.append(number)
        yield number


async def test_the_next_item_is_made_when_the_loop_has_nothing_else_to_do() -> None:
    made: list[int] = []
    items = Prefetch(counting(made, 3))
    assert next(items) == 0
    async for data in items.while_reading(b"data"):
        assert (data, made) == (b"data", [0]), "nothing else is done before the data are on their way"
    await asyncio.sleep(0)
    assert made == [0, 1]
    assert list(items) == [1, 2]


async def test_a_failure_is_raised_when_its_item_is_asked_for() -> None:
    items = Prefetch(counting([], 3, fail_at=1))
    items.soon()
    await asyncio.sleep(0)
    assert next(items) == 0
    items.soon()
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="item 1"):
        next(items)


@given(st.integers(0, 6), st.lists(st.booleans(), max_size=20))
async def test_any_mixture_of_waiting_and_asking_gives_every_item_once(size: int, waits: list[bool]) -> None:
    items = Prefetch(counting([], size))
    taken: list[int] = []
    for wait in waits:
        if wait:
            items.soon()
            await asyncio.sleep(0)
        else:
            taken += [item for item in [next(items, None)] if item is not None]
    assert [*taken, *items] == list(range(size))
