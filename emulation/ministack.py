"""MiniStack as a private child process: the AWS APIs of the embedded cloud."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from emulation.process import ChildProcess, on_a_free_port

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 30.0


class MiniStack:
    """One instance with all its files below ``folder``. Its state is in memory and ends with it.

    The folders in ``of_no_use_without`` are removed with it.
    """

    def __init__(
        self, folder: Path, *, keep_files: bool = False, of_no_use_without: Sequence[Path] = ()
    ) -> None:
        self.port = 0
        self._instance_folder = folder
        self._folder = folder / "ministack"
        self._removed = [] if keep_files else [self._folder, *of_no_use_without]
        self._program: ChildProcess | None = None

    @property
    def endpoint_url(self) -> str:
        """Where every AWS API is served."""
        return f"http://{HOST}:{self.port}"

    @property
    def program(self) -> ChildProcess | None:
        """The server's process; None before the start."""
        return self._program

    def start(self) -> None:
        """Start the server, or raise StartFailed with the end of its log."""
        on_a_free_port(self._launch)

    def stop(self) -> None:
        """Stop the server and the functions' processes, and remove its files."""
        if self._program is not None:
            self._program.stop()
        for folder in self._removed:
            shutil.rmtree(folder, ignore_errors=True)

    def _launch(self, port: int) -> None:
        self.port = port
        for name in ("tmp", "state", "s3"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._program = ChildProcess(
            name="MiniStack",
            command=[sys.executable, "-P", "-m", "emulation.ministack_server"],
            environment=self._environment(),
            log=self._folder / "server.log",
            remove=self._removed,
            remove_if_empty=[self._instance_folder],
        )
        self._program.start()
        self._program.wait_until_healthy(self._is_healthy, START_SECONDS)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=2) as answer:  # noqa: S310 - http to 127.0.0.1
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self) -> dict[str, str]:
        """Return the environment that it gets and passes on to functions; it has nothing of the caller's."""
        return {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "LOG_LEVEL": "WARNING",
            "DOCKER_HOST": "unix:///nonexistent.sock",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(self._folder / "tmp"),
            "STATE_DIR": str(self._folder / "state"),
            "S3_DATA_DIR": str(self._folder / "s3"),
        }
