"""The containers: docker compose, with LocalStack's own settings passed on."""

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Final

from spm.errors import MonitorError
from spm.localstack.settings import Settings, passed_on

START_SECONDS: Final = 180.0
ANSWER_SECONDS: Final = 10.0
LINES_SHOWN: Final = 8


class Containers:
    """The compose project of a checkout."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Raise MonitorError where there is no docker compose, or no engine."""
        self._folder = folder
        self._settings = settings
        self._compose = self._find_compose()
        if self._run(["docker", "version"]).returncode != 0:
            raise MonitorError("no Docker engine answers: start it, or `docker version` says why")

    def up(self, endpoint: str) -> None:
        """Start them, and return when LocalStack answers; raise MonitorError with its words when it ends."""
        own = self._folder / ".local" / "localstack.yml"
        own.parent.mkdir(exist_ok=True)
        own.write_text(json.dumps(passed_on(self._settings)))
        files = ["--file", "docker-compose.yml", "--file", str(own.relative_to(self._folder))]
        self._shown(*files, "up", "--detach")
        deadline = time.monotonic() + START_SECONDS
        while not answers(endpoint):
            if "localstack" not in self._asked("ps", "--services", "--filter", "status=running").split():
                said = self._asked("logs", "--no-color", "--tail", str(LINES_SHOWN), "localstack")
                raise MonitorError(f"LocalStack has ended; it says:\n{said.strip()}")
            if time.monotonic() > deadline:
                raise MonitorError(f"LocalStack does not answer at {endpoint} after {START_SECONDS:.0f} s")
            time.sleep(0.5)

    def down(self, arguments: list[str]) -> None:
        """Stop and remove them, with the containers of functions."""
        self._shown(
            "stop"
        )  # first, or LocalStack starts another function while docker compose removes what it saw
        self._shown("down", "--remove-orphans", *arguments)

    def _find_compose(self) -> list[str]:
        if shutil.which("docker") is None:
            raise MonitorError("there is no docker command: install Docker, or use `spm local` without it")
        if self._run(["docker", "compose", "version"]).returncode == 0:
            return ["docker", "compose"]
        if shutil.which("docker-compose"):
            return ["docker-compose"]
        raise MonitorError("the docker command has no compose plugin, and there is no docker-compose")

    def _shown(self, *arguments: str) -> None:
        done = subprocess.run([*self._compose, *arguments], cwd=self._folder, env=self._settings, check=False)  # noqa: S603 - docker compose
        if done.returncode != 0:
            raise MonitorError(f"docker compose ended with {done.returncode}: what it says stands above")

    def _asked(self, *arguments: str) -> str:
        return self._run([*self._compose, *arguments]).stdout

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - docker and docker compose
            command,
            cwd=self._folder,
            env=self._settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def answers(endpoint: str) -> bool:
    """Whether LocalStack is there."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_localstack/health", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - the endpoint of these settings
            return bool(answer.status == 200)
    except OSError:
        return False
