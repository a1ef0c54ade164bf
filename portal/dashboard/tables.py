"""Tables that a page shows sorted, and that a spreadsheet gets as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from markupsafe import Markup

Value = str | int | float | None

# A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Cell(NamedTuple):
    """What a row holds in a column: ``value`` is sorted and exported, and ``shown`` is seen."""

    value: Value
    shown: str | Markup


class Heading(NamedTuple):
    """A column's name in addresses, and its title. Numbers are aligned right, and long texts get a line."""

    name: str
    title: str
    is_number: bool = False
    is_long: bool = False


@dataclass(frozen=True)
class PageTable:
    """Rows under headings. Each row has a key, by which a page knows it again when it changes."""

    name: str
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    sort: str = ""

    def sorted(self, sort: str) -> "PageTable":
        """Return the table ordered by ``column`` or ``-column``, or unchanged if it has no such column.

        Missing values come last in both orders.
        """
        names = [heading.name for heading in self.headings]
        column = sort.removeprefix("-")
        if column not in names:
            return self
        position = names.index(column)
        there = [row for row in self.rows if row[1][position].value is not None]
        missing = [row for row in self.rows if row[1][position].value is None]
        there.sort(key=lambda row: _key(row[1][position].value), reverse=sort.startswith("-"))
        return replace(self, rows=[*there, *missing], sort=sort)

    def next_sort(self, heading: Heading) -> str:
        """Return what a click on the heading asks for. Numbers begin with the highest."""
        first, second = f"-{heading.name}", heading.name
        if not heading.is_number:
            first, second = second, first
        return second if self.sort == first else first

    def direction(self, heading: Heading) -> str:
        """Return what ``aria-sort`` says of the column."""
        return {heading.name: "ascending", f"-{heading.name}": "descending"}.get(self.sort, "none")

    def csv(self) -> str:
        """Return the table as a spreadsheet reads it (RFC 4180)."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([heading.title for heading in self.headings])
        writer.writerows([_plain(cell.value) for cell in cells] for _, cells in self.rows)
        return out.getvalue()


def _key(value: Value) -> tuple[int, float, str]:
    if isinstance(value, str):
        return 1, 0.0, value.casefold()
    return 0, float(value or 0), ""


def _plain(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
