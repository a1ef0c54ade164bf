"""The project that a command runs for: its pipelines are deployed, and its folder holds what is kept."""

import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
"""Where this code is, should it be a checkout of its own project."""


def folder() -> Path:
    """Return the nearest folder, this one or above it, whose ``pyproject.toml`` has a table ``[tool.spm]``.

    Where there is none: the checkout that this code is in, otherwise this folder.
    """
    here = Path.cwd()
    for candidate in (here, *here.parents, CHECKOUT):
        if _has_table(candidate / "pyproject.toml"):
            return candidate
    return here


def local() -> Path:
    """Return where caches and the state of a running cloud are kept."""
    return folder() / ".local"


def _has_table(file: Path) -> bool:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False
    except tomllib.TOMLDecodeError:
        return True  # whoever reads it says what is wrong
    return "spm" in content.get("tool", {})
