"""The reference documents every reason, metric and command that there is."""

import os
from pathlib import Path
from typing import get_args

import pytest

from processor.commands import registry
from processor.commands.command import Function
from processor.errors import Reason
from processor.metrics import MetricName

FILE = Path(__file__).parents[3] / "docs" / "reference.md"
REFERENCE = FILE.read_text(encoding="utf-8")
BEGIN, END = "<!-- commands: begin -->\n", "<!-- commands: end -->"
POLICIES: dict[Function, str] = {"reports": "readers, operators", "operations": "operators"}


@pytest.mark.parametrize("name", [*get_args(Reason), *get_args(MetricName), *registry.KINDS])
def test_is_documented(name: str) -> None:
    assert f"| `{name}` |" in REFERENCE


def table() -> str:
    """Return the table of who answers each command, and who may call it."""
    lines = ["| command | function | policies | IAM action |", "| --- | --- | --- | --- |"]
    for name, kind in registry.KINDS.items():
        function = f"`student-performance-{kind.function}-{{suffix}}`"
        action = f"`lambda:InvokeFunction` on {function}"
        lines.append(f"| `{name}` | `{kind.function}` | {POLICIES[kind.function]} | {action} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_commands_is_right() -> None:
    before, _, rest = REFERENCE.partition(BEGIN)
    found, _, after = rest.partition(END)
    if os.environ.get("UPDATE_REFERENCE"):
        FILE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")
        found = table()
    assert found == table(), "run this file with UPDATE_REFERENCE=1"
