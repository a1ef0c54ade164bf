"""Named SQL statements, kept in ``.sql`` files: ``-- name: save_something`` starts one.

The only blanks in them are names of tables and columns, ``{log}`` for example, which are checked and quoted.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("sql")

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def load(file: Path) -> Mapping[str, str]:
    """Return the file's statements by name; raise ValueError when a name occurs twice."""
    _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{file.name} names a statement twice: {sorted(names)}")
    return {name: text.strip() for name, text in zip(names, texts, strict=True)}


def identifier(name: str) -> str:
    """Return the name quoted; raise ValueError for what cannot be a name without quotes."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a table or column: use a to z, 0 to 9 and _, no digit first, "
            "63 characters at the most"
        )
    return f'"{name}"'


def identifiers(names: Iterable[str], of: str = "") -> str:
    """Return the names quoted as a list, each with the name of what it is a column ``of`` before it."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + identifier(name) for name in names)
