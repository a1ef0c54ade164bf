"""Writes a member of an event as JSON, from the text of its cell."""

from collections.abc import Set as AbstractSet
from typing import Final

from spm.publishing.cells import BadCell, Convert

REMEMBERED: Final = 1 << 14
LONGEST_REMEMBERED: Final = 64
"""In characters. With the number of remembered cells, this bounds the memory."""


class BadMember(ValueError):
    """A cell cannot become its member; the message says why."""

    def __init__(self, member: str, column: str, cell: str, no: BadCell) -> None:
        super().__init__(
            f'the {member} "{cell[:80]}" (column {column}) {no.problem}; right would be {no.right}'
        )
        self.kind = f"{member} {no.problem}"
        self.cell = cell
        self.right = no.right


class Written(dict[str, str]):
    """Maps a cell's text to the member that it becomes: ``"score":17.5``. An empty cell is left out.

    Each cell is converted when it is first needed, and remembered, because tables repeat themselves.
    Raises BadMember for a cell that cannot be converted.
    """

    def __init__(
        self,
        member: str,
        column: str,
        convert: Convert,
        *,
        empty: AbstractSet[str] = frozenset(),
        needed: str | None = None,
    ) -> None:
        """``empty`` is what stands for an empty cell. ``needed`` is an example if empty cells are refused."""
        super().__init__()
        self._member = member
        self._column = column
        self._convert = convert
        self._empty = empty
        self._needed = needed

    def __missing__(self, cell: str) -> str:
        text = self._write(cell.strip())
        if len(self) < REMEMBERED and len(cell) <= LONGEST_REMEMBERED:
            self[cell] = text
        return text

    def _write(self, cell: str) -> str:
        if cell in self._empty:
            if self._needed is not None:
                raise BadMember(self._member, self._column, cell, BadCell("is empty", self._needed))
            return ""
        try:
            return self._convert(cell)
        except BadCell as no:
            raise BadMember(self._member, self._column, cell, no) from no
