"""The command line as a process that uses the shared embedded cloud, as a person would."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulation.cloud import EmbeddedCloud
from tests.support import Deployment

Spm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(embedded_cloud: EmbeddedCloud, tmp_path: Path) -> dict[str, str]:
    """Return an environment without the machine's AWS settings and state, for a terminal of 80 columns."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "80",
        **embedded_cloud.aws_environment(),
    }


@pytest.fixture
def spm(deployed: Deployment, environment: dict[str, str]) -> Spm:
    """Run ``spm`` with these arguments against the shared stack; return its exit code and output."""

    def run(*arguments: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        chosen = ["--suffix", deployed.suffix] if "--suffix" not in arguments else []
        return subprocess.run(
            ["spm", *arguments, *chosen],
            env=environment | more,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
