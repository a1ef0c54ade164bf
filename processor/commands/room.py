"""How much fits into one answer: Lambda's end at 6 MB."""

import json
from collections.abc import Iterable
from itertools import takewhile
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

ANSWER_BYTES: Final = 5_000_000
"""Of rows as JSON in ASCII, the longest that a runtime makes of them; the rest is for what is around."""


class Room:
    """The room that is left in one answer; whatever comes first fits, so that every page leads on."""

    def __init__(self) -> None:
        self._used = 0

    def takes(self, row: object) -> bool:
        """Whether this row, too, has room; it has it from now on."""
        size = len(json.dumps(msgspec.to_builtins(row))) + 2
        fits = self._used == 0 or self._used + size <= ANSWER_BYTES
        self._used += size
        return fits


def fitting(rows: Iterable[T]) -> list[T]:
    """Return as many rows as one answer can carry, and at least one."""
    return list(takewhile(Room().takes, rows))
