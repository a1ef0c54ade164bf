"""What a newcomer may meet first: the scripts on a machine that lacks something."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]

REPLACED_INSTALL = """
import importlib.util, pathlib, subprocess, sys
spec = importlib.util.spec_from_file_location("setup", "scripts/setup.py")
setup = importlib.util.module_from_spec(spec)
spec.loader.exec_module(setup)
def install():
    {install}
setup.install = install
sys.exit(setup.main([]))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that set-up reads, in a folder of their own, with nothing installed."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", copy / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("uv.lock", "package-lock.json", "package.json", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with a shell and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "dirname", "env", "sh"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


def run(checkout: Path, path: Path | str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": str(checkout), **extra}
    return subprocess.run(
        [checkout / "scripts" / "test", "--version"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def put_python(folder: Path, name: str, script: str) -> None:
    fake = folder / name
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)


def test_no_python_is_one_line_on_what_to_do(checkout: Path, bare_path: Path) -> None:
    result = run(checkout, bare_path)
    assert result.returncode == 1
    assert result.stderr == "set-up: no python3 on PATH: install Python 3.11 or newer and run this again\n"


def test_a_python_that_is_too_old_is_named(checkout: Path, bare_path: Path) -> None:
    put_python(bare_path, "python3", 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi')
    result = run(checkout, bare_path)
    assert result.returncode == 1
    assert (
        result.stderr == "set-up: Python 3.9.2 is too old: install Python 3.11 or newer and run this again\n"
    )


def test_a_newer_python_beside_an_old_one_is_used(checkout: Path, bare_path: Path) -> None:
    put_python(bare_path, "python3", "exit 1")
    put_python(bare_path, "python3.12", 'if [ "$1" = -c ]; then exit 0; fi; echo "used: $*"; exit 7')
    result = run(checkout, bare_path)
    assert result.returncode == 7
    assert result.stdout == "used: -I scripts/setup.py python -m pytest --version\n"


def test_an_unreachable_registry_is_one_line_on_what_to_do(checkout: Path) -> None:
    result = run(
        checkout,
        f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        PIP_INDEX_URL="http://127.0.0.1:1/simple",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "set-up: installing uv failed: a package registry cannot be reached: check the network, the proxy "
        "and the index settings (details: .local/setup.log), then run this again"
    )
    assert not (checkout / ".venv" / "set-up.stamp").exists()


def test_a_second_run_installs_nothing() -> None:
    command = [str(ROOT / "scripts" / "test"), "--version"]
    subprocess.run(command, capture_output=True, check=True, timeout=300)
    second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=180)
    assert second.stderr == ""
    assert second.stdout.startswith("pytest ")


def python(checkout: Path, code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code], cwd=checkout, stderr=subprocess.PIPE, text=True)


def test_two_scripts_at_once_install_once(checkout: Path) -> None:
    install = (
        'open("installed", "a").write("once\\n"); python = setup.VENV / "bin" / "python"; '
        "python.parent.mkdir(parents=True); python.touch(); setup.STAMP.write_text(setup.wanted_stamp())"
    )
    both = [python(checkout, REPLACED_INSTALL.format(install=install)) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert (checkout / "installed").read_text() == "once\n"


def test_a_failed_step_says_which_and_why(checkout: Path) -> None:
    install = (
        'setup.step("making something", [sys.executable, "-c", '
        "\"import sys; print('the disk is full'); sys.exit(3)\"])"
    )
    process = python(checkout, REPLACED_INSTALL.format(install=install))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == (
        "set-up: making something failed: the disk is full (details: .local/setup.log), then run this again"
    )


def test_sigterm_ends_the_running_step(checkout: Path) -> None:
    step = "import fcntl, time; held = open('held', 'w'); fcntl.flock(held, fcntl.LOCK_EX); time.sleep(60)"
    install = f'setup.step("waiting", [sys.executable, "-c", {step!r}])'
    process = python(checkout, REPLACED_INSTALL.format(install=install))
    held = checkout / "held"
    wait_until(lambda: held.exists() and is_locked(held), "the step to run", seconds=120)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    wait_until(lambda: not is_locked(held), "the step to end", seconds=120)


def is_locked(file: Path) -> bool:
    with file.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_python_without_venv_is_one_line_on_what_to_do(checkout: Path) -> None:
    code = REPLACED_INSTALL.format(install="pass").replace(
        "setup.install",
        'importlib.util.find_spec = lambda name: None if name == "ensurepip" else name\nsetup.install',
    )
    process = python(checkout, code)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors == (
        f"set-up: {sys.executable} has no module ensurepip: "
        "install it (Debian, Ubuntu: apt install python3-venv) and run this again\n"
    )
