"""Follows a page of docs/ as its reader does: writes its files, makes its changes, finds its commands."""

import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from processor.pipeline import Pipeline

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "extending.md"
TESTING: Final = ROOT / "docs" / "testing.md"
STEPS: Final = ("1. The event and its table", "2. A report", "3. A projection")
LATER: Final = ("Adding a column later", "Renaming a column", "Adding a projection to a log that has events")


class Block(NamedTuple):
    """A code block: the section that it is in, its language, the file that it belongs to, and its text."""

    section: str
    language: str
    file: str
    text: str


def blocks(page: Path = PAGE) -> list[Block]:
    found = []
    for part in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        section = part.partition("\n")[0]
        for opening, text in re.findall(r"^```([^\n]+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
            language, _, file = opening.partition(" ")
            found.append(Block(section, language, file, text))
    return found


def sections() -> list[str]:
    return list(dict.fromkeys(block.section for block in blocks()))


def commands(section: str, page: Path = PAGE) -> list[str]:
    return [block.text for block in blocks(page) if block.section == section and block.language == "sh"]


def follow(folder: Path, sections: Iterable[str], page: Path = PAGE) -> None:
    """Write the files of these sections into a folder, and make their changes there."""
    wanted = tuple(sections)
    for block in blocks(page):
        if block.section in wanted and block.file:
            write(folder / block.file, block)


def write(file: Path, block: Block) -> None:
    """Write a file, add to it, or change it by a diff, whose old lines must be in the file exactly once."""
    if block.language == "diff":
        lines = [(line[0], line[1:]) for line in block.text.splitlines()]
        old = "".join(f"{text}\n" for sign, text in lines if sign in " -")
        new = "".join(f"{text}\n" for sign, text in lines if sign in " +")
        whole = file.read_text()
        assert whole.count(old) == 1, f"{old!r} in {file.name}"
        file.write_text(whole.replace(old, new))
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    before = f"{file.read_text()}\n" if file.exists() else ""
    file.write_text(before + block.text)


def pipeline(folder: Path) -> Pipeline:
    """Return the module's pipeline as it is now. Each import uses a new name."""
    name = f"library_loans_{uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, folder / "library_loans" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # inspect looks here for the source
    spec.loader.exec_module(module)
    found = module.PIPELINE
    assert isinstance(found, Pipeline)
    return found
