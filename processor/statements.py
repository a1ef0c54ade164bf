"""Named SQL statements in ``.sql`` files: ``-- name: save_something`` starts one.

Blanks in them, such as ``{log}``, are names of tables and columns, which are checked and quoted. In reports
they are also filters.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("sql")

BLANK = re.compile(r"\{(\w+)\}")

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def load(file: Path) -> Mapping[str, str]:
    """Return the file's statements by name. Raise ValueError if a name occurs twice."""
    _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    names, texts = parts[::2], parts[1::2]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{file.name} holds more than one statement {', '.join(twice)}")
    return {name: text.strip() for name, text in zip(names, texts, strict=True)}


def line_of(name: str, file: Path) -> int:
    """Return the line of the file on which the statement begins, the one after its name."""
    before, _, _ = file.read_text(encoding="utf-8").partition(f"-- name: {name}\n")
    return before.count("\n") + 2


def fill(sql: str, blanks: Mapping[str, str]) -> str:
    """Return the statement with its blanks filled in. Raise ValueError for an unknown blank."""

    def filled(blank: re.Match[str]) -> str:
        if blank[1] not in blanks:
            raise ValueError(f"there is no blank {blank[0]}: use one of {', '.join(blanks)}")
        return blanks[blank[1]]

    return BLANK.sub(filled, sql)


def identifier(name: str) -> str:
    """Return the name quoted. Raise ValueError if it could not be a name without quotes."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a table or column: use a to z, 0 to 9 and _, no digit first, "
            "63 characters at the most"
        )
    return f'"{name}"'


def identifiers(names: Iterable[str], of: str = "") -> str:
    """Return the names quoted as a list, each after the name of the table ``of`` which it is a column."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + identifier(name) for name in names)
