"""How much fits into one answer: Lambda allows 6 MB."""

import json
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.prepared_stmt import PreparedStatement

T = TypeVar("T")

ANSWER_BYTES: Final = 5_000_000
"""Of rows as JSON in ASCII, the longest that a runtime makes of them; the rest is for what is around."""
ROWS_AT_ONCE: Final = 100
"""Held in memory beside those of the answer: a row may be a megabyte."""


class Room:
    """The room that is left in one answer; whatever comes first fits, so that every page leads on."""

    def __init__(self) -> None:
        self._used = 0

    def takes(self, row: object) -> bool:
        """Tell whether there is room for this row, and if so take it."""
        size = len(json.dumps(msgspec.to_builtins(row))) + 2
        fits = self._used == 0 or self._used + size <= ANSWER_BYTES
        self._used += size
        return fits


def fitting(rows: Iterable[T]) -> list[T]:
    """Return as many rows as one answer can carry, and at least one."""
    return list(takewhile(Room().takes, rows))


async def fitting_rows(
    statement: "PreparedStatement[Record]", values: Sequence[object]
) -> tuple[list[list[Any]], bool]:
    """Return the statement's first rows that fit into an answer, and whether that is all."""
    types = [column.type.name for column in statement.get_attributes()]
    room = Room()
    rows: list[list[Any]] = []
    async for row in statement.cursor(*values, prefetch=ROWS_AT_ONCE):
        values = plain(row, types)
        if not room.takes(values):
            return rows, False
        rows.append(values)
    return rows, True


def plain(row: Iterable[object], types: Sequence[str]) -> list[Any]:
    """Return the row's values in JSON's own types: times as RFC 3339, JSON as what it says."""
    return [
        (msgspec.json.decode(value) if isinstance(value, str) else None)
        if of == "jsonb"
        else msgspec.to_builtins(value)
        for value, of in zip(row, types, strict=True)
    ]
