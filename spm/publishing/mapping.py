"""A map file says which column of a school's table becomes which member of an event."""

import re
from collections.abc import Container
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct, field

from spm.errors import InputError

METADATA: Final = ("course", "assessment", "max_score", "status")
"""What insight looks for in ``metadata``."""


class Time(Struct, frozen=True, forbid_unknown_fields=True):
    """How times are written. ``zone`` is for times without an offset. ``format`` is as for ``strptime``."""

    zone: str | None = None
    format: str | list[str] = []


class Unfold(Struct, frozen=True, forbid_unknown_fields=True):
    """Several columns of a row, each of which is an event.

    ``columns`` is a template for their headers, such as ``{title} ({assessment:d})``. The text in the place
    of a name in braces becomes that member, and ``:d`` matches only digits. ``into`` is the member that the
    cell becomes. In the row whose first cell is ``maximum_row``, the cells are the columns' ``max_score``.
    """

    columns: str
    into: str = "score"
    maximum_row: str | None = None


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """A map file; docs/publishing.md describes each member with an example."""

    columns: dict[str, str | list[str]] = {}
    constants: dict[str, str | int | float | bool] = {}
    values: dict[str, dict[str, str]] = {}
    time: Time = field(default_factory=Time)
    unfold: Unfold | None = None
    leave_out: list[str] = []
    leave_out_rows: dict[str, list[str]] = {}
    rest: Literal["metadata", "leave out"] = "metadata"
    empty: list[str] = []
    decimal: Literal[".", ","] = "."
    skip_rows: int = 0
    sheet: str | None = None
    encoding: str | None = None


def read_mapping(file: Path) -> Mapping:
    """Read a map file, or raise InputError naming what is wrong with it."""
    try:
        mapping = msgspec.toml.decode(file.read_bytes(), type=Mapping)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InputError(f"the map {file} is wrong: {error}") from error
    if twice := [member for member in mapping.columns if member in mapping.constants]:
        raise InputError(f"the map {file} gives {twice[0]} a column and a constant: leave one of them out")
    return mapping


def by_names(columns: list[str], known: Container[str]) -> Mapping:
    """Return the mapping of a table whose columns have the members' own names, such as ``Student ID``."""
    found: dict[str, str | list[str]] = {}
    for column in columns:
        member = plain(column)
        if member in known:
            found.setdefault(member, column)
    return Mapping(columns=found)


def plain(name: str) -> str:
    """Return a name in lower case, with an underscore for everything that is not a letter or digit."""
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
