"""Watches the files of a project's pipelines, and releases changes."""

import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from emulation import project
from processor import settings
from processor.errors import ConfigurationError
from processor.project import files
from spm.authoring.choose import listed
from spm.aws.stack import Aws, Stack
from spm.terminal import console
from spm.watching.release import Released

POLL: Final = 0.05  # seconds
OURS: Final = "processor"
SECRETS: Final = {
    "owner": settings.DB_SECRET_ARN,
    "processor": settings.DB_PROCESSOR_SECRET_ARN,
    "reader": settings.DB_READER_SECRET_ARN,
}

Seen = Mapping[Path, tuple[int, int]]


class Watch:
    """Releases changes while it is entered; ``lines`` say how the last change went.

    A change is first tried in a process of its own, and functions get the new code only if nothing is wrong
    with it. They get only the code of the pipelines. They find everything else in this environment, in which
    MiniStack runs, so that a new execution environment has nothing to unpack. Invocations that are running
    end with the old code.
    """

    def __init__(self, aws: Aws, stacks: Sequence[Stack], modules: Sequence[str]) -> None:
        self._aws = aws
        self._modules = modules
        first = stacks[0]
        processors = [stack.processor_name for stack in stacks]
        self._functions = [first.operations_name, first.reports_name, *processors]
        self._logins = _logins(aws, first.operations_name)
        self._seen = self._look()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.lines: Sequence[str] = [f"watching {', '.join(modules)}"]
        self.mistaken = False
        self._told = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Wait for this time, or until there are other lines."""
        self._told.wait(seconds)
        self._told.clear()

    def _run(self) -> None:
        before = self._seen
        while not self._stopped.wait(POLL):
            seen = self._look()
            if seen == before != self._seen:  # a file that is still being written differs each time
                self._seen = seen
                self._reload()
            before = seen

    def _look(self) -> Seen:
        """Return each file's time and size; a file that an editor is just replacing is missing."""
        try:
            found = [project.folder() / "pyproject.toml", *files(self._modules).values()]
        except ConfigurationError:
            return {}
        return {path: (s.st_mtime_ns, s.st_size) for path in found if (s := _stat(path))}

    def _reload(self) -> None:
        started = time.monotonic()
        try:
            told = self._release()
            if not told.mistakes:
                self._update()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old code runs on and the next change is tried
            told = Released(mistakes=[f"{type(error).__name__}: {error}"])
        at = f"{datetime.now().astimezone():%H:%M:%S}"
        self.mistaken = bool(told.mistakes)
        if told.mistakes:
            self._say([f"{at} not reloaded, the old code is still running:", *told.mistakes])
        else:
            applied = f", applied {', '.join(told.applied)}" if told.applied else ""
            self._say([f"{at} reloaded in {time.monotonic() - started:.1f} s{applied}"])

    def _say(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._told.set()
        if not console.out.is_terminal:
            console.err.print("\n".join(lines), soft_wrap=True)

    def _release(self) -> Released:
        if listed() != self._modules:
            return Released(mistakes=["pyproject.toml names other pipelines: start spm local again"])
        path = [str(folder) for folder in dict.fromkeys((project.folder(), Path.cwd()))]
        wanted = msgspec.json.encode({"modules": self._modules, "path": path, **self._logins})
        done = subprocess.run(
            [sys.executable, "-P", "-m", "spm.watching.release"],
            input=wanted,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            return Released(mistakes=[done.stderr.decode(errors="replace").strip().rpartition("\n")[2]])
        return msgspec.json.decode(done.stdout, type=Released)

    def _update(self) -> None:
        code = self._code()
        for name in self._functions:
            self._aws.functions.update_function_code(FunctionName=name, ZipFile=code)

    def _code(self) -> bytes:
        """Return the pipelines' files as a function's code; our own code is found where it is installed."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as code:
            # This makes the code differ each time, because our own code may have changed.
            code.writestr("released.txt", str(time.time_ns()))
            for name, path in files([m for m in self._modules if m.partition(".")[0] != OURS]).items():
                code.write(path, name)
        return packed.getvalue()


def _logins(aws: Aws, operations: str) -> dict[str, msgspec.Raw]:
    configuration = aws.functions.get_function_configuration(FunctionName=operations)
    variables = configuration["Environment"]["Variables"]
    return {
        who: msgspec.Raw(aws.secrets.get_secret_value(SecretId=variables[name])["SecretString"].encode())
        for who, name in SECRETS.items()
    }


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
