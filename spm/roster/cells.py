"""Reads a row's cells as values, and notes what is wrong with one by file, line and column."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from spm.errors import InputError
from spm.roster.files import RosterTable

DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")
"""A zero character, or what replaces a byte that is not text in the file's encoding."""
YES: Final = frozenset({"true", "yes", "1"})
NO: Final = frozenset({"false", "no", "0"})
END_OF_DAY: Final = time(23, 59, 59)


class CellProblem(NamedTuple):
    """What is wrong, where, and what would be right."""

    file: str
    line: int
    column: str
    problem: str
    right: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.file} line {self.line}, column {self.column}: {self.problem}; right: {self.right}"


@dataclass
class Cells:
    """A row. A wrong cell is added to ``problems``, and a value of its type takes its place.

    ``values`` holds the cells by the columns' names in lower case.
    """

    file: str
    line: int
    values: dict[str, str]
    problems: list[CellProblem]

    def get(self, column: str) -> str:
        """Return the cell as it is. It is empty if the row or the file has none."""
        return self.values.get(column.lower(), "")

    def text(self, column: str, longest: int, otherwise: str = "") -> str:
        """Return a cell that must not be empty. ``otherwise`` takes the place of an empty one."""
        text = self.get(column) or otherwise
        if not text:
            self.wrong(column, "is empty", "a text")
        elif len(text) > longest:
            self.wrong(column, f"has {len(text)} characters", f"at most {longest}")
        return text

    def day(self, column: str) -> date | None:
        """Return a date."""
        text = self.get(column)
        try:
            # Only this form is right: fromisoformat accepts others, which schools do not mean.
            return date.fromisoformat(text if DAY.fullmatch(text) else "") if text else None
        except ValueError:
            self.wrong(column, f"{_quoted(text)} is not a date", "2026-11-24")
            return None

    def moment(self, column: str) -> datetime | None:
        """Return a time, without an offset if it has none. A date alone is the last second of its day."""
        text = self.get(column)
        if not text:
            return None
        try:
            if DAY.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), END_OF_DAY)
            return datetime.fromisoformat(text) if DAY.match(text) else datetime.fromisoformat("")
        except ValueError:
            self.wrong(column, f"{_quoted(text)} is not a time", "2026-11-24, or 2026-11-24T15:15:00+01:00")
            return None

    def points(self, column: str) -> float | None:
        """Return a number above zero."""
        text = self.get(column)
        if not text:
            return None
        if not NUMBER.fullmatch(text) or not 0 < (number := float(text)) < float("inf"):
            self.wrong(column, f"{_quoted(text)} is not a number above zero", "100")
            return None
        return number

    def flag(self, column: str, *, otherwise: bool) -> bool:
        """Return yes or no."""
        text = self.get(column).lower()
        if text and text not in YES | NO:
            self.wrong(column, f"{_quoted(text)} is neither true nor false", "true")
        return text in YES if text else otherwise

    def zone(self, column: str, otherwise: str) -> str:
        """Return the name of a time zone."""
        text = self.get(column) or otherwise
        if not is_zone(text):
            self.wrong(column, f"{_quoted(text)} is not a time zone", "Europe/Berlin")
        return text

    def choice(self, column: str, allowed: Sequence[str]) -> str:
        """Return one of the allowed words. Case does not matter."""
        text = self.get(column).lower()
        if text not in allowed:
            problem = f"{_quoted(text)} is unknown" if text else "is empty"
            self.wrong(column, problem, " or ".join(allowed))
        return text

    def wrong(self, column: str, problem: str, right: str) -> None:
        """Note a problem."""
        self.problems.append(CellProblem(self.file, self.line, column, problem, right))


def rows(table: RosterTable, needed: Sequence[str], problems: list[CellProblem]) -> Iterator[Cells]:
    """Yield the table's rows and note rows that are too long. Raise InputError if a column is missing."""
    columns = [column.lower() for column in table.columns]
    if missing := [column for column in needed if column.lower() not in columns]:
        raise InputError(
            f"{table.file} line {table.line}: the column {missing[0]} is missing; "
            f"it has: {', '.join(table.columns)}"
        )
    width = len(columns)
    for line, texts, _ in table.rows:
        cells = Cells(table.file, line, dict(zip(columns, map(str.strip, texts), strict=False)), problems)
        if any(texts[width:]):
            cells.wrong(str(width + 1), f"the row has {len(texts)} cells", f"{width}, as the header")
        if UNREADABLE.search("".join(texts)):
            unreadable = (name for name, text in cells.values.items() if UNREADABLE.search(text))
            cells.wrong(
                next(unreadable, columns[0]),
                "holds a character that is not text",
                "without it, or saved as UTF-8",
            )
        yield cells


@lru_cache
def is_zone(name: str) -> bool:
    """Tell whether this is the name of a time zone (IANA)."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _quoted(text: str) -> str:
    """Quote a cell, with its control characters escaped."""
    return json.dumps(text[:80], ensure_ascii=False)
