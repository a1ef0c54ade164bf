"""List names that more than one class has, because a search for one class then finds the other."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bench", "emulation", "examples", "infra", "portal", "processor", "scripts", "spm", "tests")


def main() -> int:
    """Print each such name and where its classes are. Return 1 if there are any."""
    places = defaultdict(list)
    for file in (file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))):
        for line, name in classes(file.read_text(encoding="utf-8")):
            places[name].append(f"{file.relative_to(ROOT)}:{line}")
    shared = {name: where for name, where in places.items() if len(where) > 1}
    for name, where in sorted(shared.items()):
        print(f"{name}: {', '.join(where)}")  # noqa: T201 - this is a command
    return int(bool(shared))


def classes(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each public class, except groups of tests (``Test…``)."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith(("_", "Test")):
            yield node.lineno, node.name


if __name__ == "__main__":
    sys.exit(main())
