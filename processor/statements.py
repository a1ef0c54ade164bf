"""Named SQL statements, kept in ``.sql`` files: ``-- name: save_something`` starts one."""

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("sql")

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load(file: Path) -> Mapping[str, str]:
    """Return the file's statements by name; raise ValueError when a name occurs twice."""
    _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{file.name} names a statement twice: {sorted(names)}")
    return {name: text.strip() for name, text in zip(names, texts, strict=True)}
