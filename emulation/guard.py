"""Runs one child process. When the parent lets go, it ends the child and everything that the child started.

``emulation.process`` runs it as ``python -I -S guard.py OPTIONS -- COMMAND…``. Its standard input is a pipe
whose other end only the parent holds. The pipe closes when the parent stops the child or dies, even by
SIGKILL, and the child ends in the same way either time. Linux's PR_SET_PDEATHSIG is not enough: it does not
exist on macOS, does not reach grandchildren (Lambda workers inside a slow handler), and fires when the
*thread* that started the child ends.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

GRACE_SECONDS = 5.0


def main() -> int:
    """Run the command until it ends or standard input closes, and return its exit code."""
    options = _options()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # only the pipe ends the child
    child: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - the command is the project's own
        options.command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        restore_signals=True,
        preexec_fn=_default_signals,  # noqa: PLW1509 - no thread has been started yet
        user=options.user,
        group=options.user,
        extra_groups=[] if options.user else None,
    )
    threading.Thread(target=_stop_when_released, args=(child, options.signal), daemon=True).start()
    code = child.wait()
    _end_group(child)
    for folder in options.remove:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in options.remove_if_empty:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return code if code >= 0 else 128 - code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--signal", type=lambda name: signal.Signals[name], default=signal.SIGTERM)
    parser.add_argument("--remove", type=Path, action="append", default=[])
    parser.add_argument("--remove-if-empty", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _default_signals() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


def _stop_when_released(child: "subprocess.Popen[bytes]", stop_signal: signal.Signals) -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written, so this returns when the pipe closes
    child.send_signal(stop_signal)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _end_group(child)


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
