"""Say which names more than one class has: a search for one then finds the wrong one."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bench", "emulation", "examples", "infra", "portal", "processor", "scripts", "spm", "tests")


def main() -> int:
    """Print the names with where they are; return 1 where there is any."""
    places = defaultdict(list)
    for file in (file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))):
        for line, name in classes(file.read_text(encoding="utf-8")):
            places[name].append(f"{file.relative_to(ROOT)}:{line}")
    shared = {name: where for name, where in places.items() if len(where) > 1}
    for name, where in sorted(shared.items()):
        print(f"{name}: {', '.join(where)}")  # noqa: T201 - what it is for
    return int(bool(shared))


def classes(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each public class; groups of tests (``Test…``) are known by their file."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith(("_", "Test")):
            yield node.lineno, node.name


if __name__ == "__main__":
    sys.exit(main())
