"""Every command's help has an example, and docs/reference.md has every command."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from spm import errors
from spm.cli import app
from spm.commands import COMMANDS
from spm.commands.trace import EXIT_CODES
from spm.lazy import load

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"


def commands(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))
    else:
        yield path


ALL = [path for name in COMMANDS for path in commands(load(name), (name,))]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_describes_a_command_as_its_help_does(name: str) -> None:
    own = (load(name).help or "").partition("\n\n")[0]
    assert COMMANDS[name].help == " ".join(own.split())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert f"Example: spm {' '.join(path)}" in result.output


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_reference_names_the_command(path: tuple[str, ...]) -> None:
    table = REFERENCE.read_text().partition("## Commands")[2].partition("###")[0]
    lines = [line for line in table.splitlines() if line.startswith(f"| `spm {path[0]}` ")]
    assert len(lines) == 1
    assert len(path) == 1 or f"`{path[1]}`" in lines[0]


def test_the_reference_names_every_exit_code() -> None:
    table = REFERENCE.read_text().partition("### Exit codes")[2].partition("###")[0]
    documented = {
        int(code) for line in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in line.split(",")
    }
    used = {
        e.exit_code
        for e in vars(errors).values()
        if isinstance(e, type) and issubclass(e, errors.MonitorError)
    }
    assert documented == used | {0, 70, 130, 143} | {*EXIT_CODES.values()}


def test_the_shell_completes_commands_and_options() -> None:
    def completed(line: str) -> list[str]:
        words = {"_SPM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return CliRunner().invoke(app, env=words, prog_name="spm").output.split()

    assert completed("spm pub") == ["publish"]
    assert set(completed("spm replay ")) == {"failed", "stream", "file"}
    assert completed("spm publish --str") == ["--strict"]
