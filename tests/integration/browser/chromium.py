"""Finds a browser and axe-core for the tests, in a package registry or on the machine."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
FOLDER: Final = ROOT / ".local" / "browser"
INSTALLED: Final = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
UNPACK: Final = "import c from '@sparticuz/chromium'; console.log(await c.executablePath())"

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--disable-lcd-text",
)


class NoBrowserError(Exception):
    """There is no browser; the message says why in one line."""


def executable() -> str:
    """Return the path of a Chromium: the one that SPM_CHROMIUM names, the package's, or an installed one.

    Raises NoBrowserError.
    """
    if named := os.environ.get("SPM_CHROMIUM"):
        return named
    if sys.platform == "linux" and platform.machine() == "x86_64":
        return _from_registry()
    if found := next(filter(None, map(shutil.which, INSTALLED)), None):
        return found
    raise NoBrowserError("no Chromium or Chrome here: name one with SPM_CHROMIUM")


def axe() -> str:
    """Return the source of axe-core; raise NoBrowserError."""
    return (_packages() / "axe-core" / "axe.min.js").read_text()


def _from_registry() -> str:
    packages = _packages()
    with _alone():  # a file that another process is still unpacking would be taken for the whole browser
        made = _run(["node", "--input-type=module", "-e", UNPACK], packages.parent, TMPDIR=str(FOLDER))
    return made.strip()


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time change what is in the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _packages() -> Path:
    """Return the folder of the packages, and install them first where that is due."""
    packages = FOLDER / "node_modules"
    with _alone():
        wanted = (HERE / "package-lock.json").read_bytes()
        stamp = FOLDER / "installed.json"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(HERE / name, FOLDER / name)
            _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], FOLDER)
            stamp.write_bytes(wanted)
    return packages


def _run(command: list[str], folder: Path, **environment: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # prefers the checkout's Node
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoBrowserError(f"{' '.join(command[:2])} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
