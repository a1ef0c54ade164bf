"""The tutorial builds exactly the example: its snippets, put together, are the example's files."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
TUTORIAL = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def without_blank_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_the_snippets_are_the_examples_files() -> None:
    snippets: dict[str, list[str]] = defaultdict(list)
    for file, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL):
        snippets[file] += without_blank_lines(text)
    example = {
        path.relative_to(ROOT).as_posix(): without_blank_lines(path.read_text(encoding="utf-8"))
        for path in (ROOT / "examples" / "attendance").rglob("*")
        if path.suffix in (".py", ".sql")
    }
    assert snippets == example


def test_every_snippet_is_a_file_or_a_command() -> None:
    kinds = re.findall(r"^```(.+)$", TUTORIAL, re.MULTILINE)
    assert {kind.split()[0] for kind in kinds} == {"python", "sql", "sh"}
    assert all(kind == "sh" or len(kind.split()) == 2 for kind in kinds)
