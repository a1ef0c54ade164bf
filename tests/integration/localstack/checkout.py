"""A checkout of the project, and the cdklocal commands that a user types in it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.engine import ROOT

COPIED = (
    *("cdk.json", "docker-compose.yml", "infra", "package.json", "package-lock.json"),
    *("portal", "processor"),
)
COPIED_FOR_UV = ("pyproject.toml", "uv.lock", "README.md")


class Checkout:
    """Runs commands in a folder with the project's files; ``environment`` leads them to one LocalStack."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_", "COMPOSE_"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "NO_COLOR": "1",
            **environment,
        }

    def run(self, *command: str, timeout: float = 240) -> str:
        """Run a command; return what it printed, or fail with its last lines."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        last = "\n".join(done.stdout.splitlines()[-25:])
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{last}"
        return done.stdout

    def deploy(self, output: Path, context: Mapping[str, str]) -> dict[str, str]:
        """Deploy the stack, synthesised into ``output``; return its outputs."""
        values = [word for key, value in context.items() for word in ("--context", f"{key}={value}")]
        outputs = output / "outputs.json"
        self.run(
            *("npx", "cdklocal", "deploy", "--output", str(output), "--outputs-file", str(outputs)),
            *values,
        )
        [stack] = json.loads(outputs.read_text()).values()
        return dict(stack)

    def change_status(self) -> None:
        """Change the code: from the next deployment on, ``status`` calls what it counts an estimate."""
        status = self.folder / "processor" / "commands" / "status.py"
        before = status.read_text()
        after = before.replace("stored_is_estimate=not exact", "stored_is_estimate=True")
        assert after != before
        status.write_text(after)


def copy_of_the_project(folder: Path, environment: Mapping[str, str]) -> Checkout:
    """Copy what a deployment is made from, so that a test may change it."""
    for name in (*COPIED, *COPIED_FOR_UV):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    # The copy's code, not that of the checkout that is installed.
    return Checkout(folder, {**environment, "PYTHONPATH": str(folder)})
