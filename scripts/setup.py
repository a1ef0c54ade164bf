"""Install what the project needs into the checkout, once: its Python packages, Node and the CDK.

    python3 setup.py [COMMAND ARGUMENT...]

It then becomes COMMAND, with the environment first on PATH. It needs Python >= 3.11 with venv and pip, and
imports only the standard library. A stamp, made from the lock files, the project in pyproject.toml and the
Python version, lets later runs skip the installation. A lock lets several scripts start at the same time.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = ROOT / ".local"
LOG = STATE / "setup.log"
STAMP = VENV / "set-up.stamp"
UV = "uv==0.13.9"

NETWORK_SIGNS = (
    "Connection refused",
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "Max retries exceeded",
    "NewConnectionError",
    "ConnectTimeout",
    "Retrying (Retry(",
    "dns error",
    "error sending request",
    "operation timed out",
)


class SetUpError(Exception):
    """A step failed. The message is one line that says what to do."""


def main(command: list[str]) -> int:
    """Install what is missing, then become the command. Return 1, after one line on stderr, on failure."""
    # SIGTERM must end a running installer as Ctrl-C does: subprocess.run kills its child on an exception.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        require_modules()
        if not is_up_to_date():
            with only_one():
                if not is_up_to_date():
                    install()
    except SetUpError as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run this again to go on")
        return 130
    if command:
        os.execvpe(command[0], command, environment())  # noqa: S606 - the scripts' own commands, no shell wanted
    return 0


def require_modules() -> None:
    """Raise SetUpError if the distribution ships Python without venv or pip."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise SetUpError(
            f"{sys.executable} has no module {' and '.join(missing)}: "
            "install it (Debian, Ubuntu: apt install python3-venv) and run this again"
        )


def wanted_stamp() -> str:
    """Return the stamp of an environment that is up to date."""
    digest = hashlib.sha256()
    for name in ("uv.lock", "package-lock.json", "scripts/setup.py"):
        digest.update((ROOT / name).read_bytes())
    # These are the commands and plugins that it registers. Its dependencies are in uv.lock.
    digest.update(repr(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]).encode())
    return f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]} {digest.hexdigest()}\n"


def is_up_to_date() -> bool:
    """Return whether the environment was completed from exactly these lock files and this Python."""
    try:
        return STAMP.read_text() == wanted_stamp() and (VENV / "bin" / "python").exists()
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the set-up lock: a second script waits until the first has installed everything."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another script is installing: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install() -> None:
    """Make the environment from the lock files. Raise SetUpError at the first step that fails."""
    started = time.monotonic()
    LOG.write_text("")
    STAMP.unlink(missing_ok=True)
    say("installing into .venv and node_modules (the first run, or a lock file changed)")
    python = VENV / "bin" / "python"
    if version_of(python) != sys.version_info[:3]:
        step("making .venv", [sys.executable, "-I", "-m", "venv", "--clear", str(VENV)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    step("installing uv", [*pip, "--retries", "2", "--timeout", "30", UV])
    step("installing the locked Python packages and Node", [str(VENV / "bin" / "uv"), "sync", "--frozen"])
    step("installing the CDK command lines", [str(VENV / "bin" / "npm"), "ci", "--no-audit", "--no-fund"])
    STAMP.write_text(wanted_stamp())
    say(f"done in {time.monotonic() - started:.0f} s")


def version_of(python: Path) -> tuple[int, ...] | None:
    """Return the version of an environment's Python, or None if it does not work."""
    code = "import pip, sys; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in answer.stdout.split())


def step(what: str, command: list[str]) -> None:
    """Run one step with its output in the log. Raise SetUpError with the likeliest cause if it fails."""
    say(f"  {what}")
    with LOG.open("a") as log:
        before = log.tell()
        result = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if result.returncode == 0:
        return
    output = LOG.read_text(errors="replace")[before:]
    if any(sign in output for sign in NETWORK_SIGNS):
        cause = "a package registry cannot be reached: check the network, the proxy and the index settings"
    else:
        cause = last_line(output) or f"exit code {result.returncode}"
    raise SetUpError(f"{what} failed: {cause} (details: {LOG.relative_to(ROOT)}), then run this again")


def environment() -> dict[str, str]:
    """Return the caller's environment, changed so that every installer works in this checkout only."""
    kept = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"}}
    binaries = str(VENV / "bin")
    if kept.get("PATH", "").split(os.pathsep)[0] != binaries:
        kept["PATH"] = f"{binaries}{os.pathsep}{kept.get('PATH', os.defpath)}"
    kept["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    kept["UV_PYTHON"] = str(VENV / "bin" / "python")
    return kept


def last_line(output: str) -> str:
    """Return the last line that is not blank."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def say(line: str) -> None:
    """Tell the person at the terminal. Standard output stays the command's own."""
    sys.stderr.write(f"set-up: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
