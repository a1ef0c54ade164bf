"""Child processes that never outlive their parent, are checked for health, and show their log on failure."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from emulation import guard
from emulation.errors import StartFailed

START_ATTEMPTS = 3
STOP_SECONDS = guard.GRACE_SECONDS + 15.0  # a busy machine takes its time to remove a child's folders
LOG_LINES_SHOWN = 15


@dataclass(kw_only=True)
class ChildProcess:
    """One command under the care of ``emulation.guard``.

    It gets exactly ``environment``, works in ``folder``, writes to ``log``, and runs as ``user`` if one is
    named (root only). It ends at ``stop()`` and when this process ends in any way: it gets ``stop_signal``,
    and after 5 s SIGKILL, as does everything that it started. Then the folders in ``remove`` are removed, and
    those in ``remove_if_empty`` if nothing is left in them.
    """

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    folder: Path | None = None
    user: str | None = None
    stop_signal: str = "SIGTERM"
    remove: Sequence[Path] = ()
    remove_if_empty: Sequence[Path] = ()
    _guard: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start the command, and return at once."""
        options: list[str | Path] = ["--signal", self.stop_signal]
        options += ["--user", self.user] if self.user else []
        for folder in self.remove:
            options += ["--remove", folder]
        for folder in self.remove_if_empty:
            options += ["--remove-if-empty", folder]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603 - the project's own commands
                [sys.executable, "-I", "-S", guard.__file__, *options, "--", *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.folder,
                start_new_session=True,
            )

    def wait_until_healthy(self, healthy: Callable[[], bool], seconds: float) -> None:
        """Poll ``healthy`` until it is true. If it never is, end the child and raise StartFailed."""
        deadline = time.monotonic() + seconds
        while not healthy():
            if not self.running:
                self._fail("ended while starting")
            if time.monotonic() > deadline:
                self._fail(f"was not ready after {seconds:.0f} s")
            time.sleep(0.02)

    def _fail(self, why: str) -> NoReturn:
        log = self.end_of_log()  # before the stop, which may remove the log with the child's folder
        self.stop()
        raise StartFailed(f"{self.name} {why}.\n{log}")

    def wait(self, seconds: float) -> int | None:
        """Wait for the child to end by itself. Return its exit code, or None when the time is up."""
        if self._guard is None:
            return None
        try:
            return self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    @property
    def guard_pid(self) -> int | None:
        """The process id of the guard, whose only child is the command; None before the start."""
        return self._guard.pid if self._guard is not None else None

    @property
    def running(self) -> bool:
        """Whether the child is alive."""
        return self._guard is not None and self._guard.poll() is None

    def stop(self) -> None:
        """End the child and wait for it. It does not matter if it is not running."""
        if self._guard is None or self._guard.stdin is None:
            return
        self._guard.stdin.close()
        try:
            self._guard.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:  # a child stuck in the kernel: leave it to the guard
            return

    def end_of_log(self) -> str:
        """Return the last lines the child wrote, indented, with the log's path."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        shown = "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:]) or "  (nothing)"
        return f"The end of its log ({self.log}):\n{shown}"


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now. Somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def on_a_free_port(launch: Callable[[int], None]) -> None:
    """Launch a server on a free port, and on another if somebody takes that before the server does."""
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            launch(free_port())
        except StartFailed as failure:
            taken = "ddress already in use" in str(failure)
            if not taken or attempt == START_ATTEMPTS:
                raise
        else:
            return


@contextmanager
def temporary_folder(prefix: str, where: Path | None = None) -> Iterator[Path]:
    """Make a temporary folder and remove it at the end; if we are killed, the next such block removes it.

    Its owner holds a lock on it, which ends with the process however that ends. It is below ``where``, by
    default the operating system's temporary folder.
    """
    for left in (where or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        with suppress(OSError):  # it is in use, or another user's
            _remove_leftover(left)
    folder, lock = _claimed(prefix, where)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _claimed(prefix: str, where: Path | None) -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)  # another process took it for a leftover before it was locked


def _remove_leftover(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
