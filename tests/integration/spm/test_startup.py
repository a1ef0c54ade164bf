"""``spm`` starts at once, because it imports a command's module only when the command runs."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

SPM = Path(sys.executable).with_name("spm")
HEAVY = {
    "asyncpg",
    "aws_cdk",
    "boto3",
    "botocore",
    "jinja2",
    "msgspec",
    "python_calamine",
    "rich",
    "starlette",
}
OF_A_CLOUD = {"aws_cdk", "boto3", "botocore", "jinja2", "starlette", "uvicorn"}
IMPORTED = """
import sys
from spm.cli import app
try:
    app({arguments}, standalone_mode=False)
finally:
    print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    code = IMPORTED.format(arguments=list(arguments))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


def fastest(*command: str | Path) -> float:
    def once() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started

    return min(once() for _ in range(5))


def test_help_imports_nothing_heavy() -> None:
    imported = imported_by("--help")
    assert "typer" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("arguments", [("pipeline", "check"), ("pipeline", "show")], ids=" ".join)
def test_an_author_needs_no_sdk(arguments: tuple[str, ...]) -> None:
    imported = imported_by(*arguments, "--help")
    assert "asyncpg" in imported
    assert not imported & OF_A_CLOUD


def test_help_is_there_at_once() -> None:
    """The limit is a third of what it took when every command was imported."""
    assert fastest(SPM, "--help") < 25 * fastest(sys.executable, "-c", "pass")
