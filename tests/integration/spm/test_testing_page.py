"""docs/testing.md as its reader follows it: the test passes, and the message about a fault is the page's."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from spm.testing.kit import PipelineKit
from tests import tutorial

PASSING, FAILING = "A test", "What a fault looks like"

BUSY: Final = 3
"""How much longer the same work may take on a busy processor; on a quiet one it takes 2 to 3 s."""

Follow = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def follow(tmp_path: Path, spm_pipeline_kit: PipelineKit) -> Follow:
    """Write the files of a section and run its command, in a project that was used before."""
    assert spm_pipeline_kit, "it has made what initdb makes"
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".local").symlink_to(tutorial.ROOT / ".local")
    tutorial.follow(tmp_path, tutorial.STEPS)

    def run(section: str) -> "subprocess.CompletedProcess[str]":
        tutorial.follow(tmp_path, [section], tutorial.TESTING)
        [command] = tutorial.commands(section, tutorial.TESTING)
        return subprocess.run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_test_passes_in_seconds_and_a_fault_is_told_as_the_page_shows_it(follow: Follow) -> None:
    before = processor_seconds()
    passed = follow(PASSING)
    assert passed.returncode == 0, passed.stdout
    assert "1 passed" in passed.stdout
    assert processor_seconds() - before < BUSY * 5

    failed = follow(FAILING)
    [shown] = [block.text for block in tutorial.blocks(tutorial.TESTING) if block.language == "text"]
    assert failed.returncode == 1
    told = [line.removeprefix("E").strip() for line in failed.stdout.splitlines() if line.startswith("E ")]
    assert told == [line.strip() for line in shown.splitlines()]
