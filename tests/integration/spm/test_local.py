"""``spm local`` in a terminal of 80 columns, and other commands that find it by themselves."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.portal.door import DoorClient
from tests.waiting import wait_until

pytestmark = pytest.mark.long

SPM = str(Path(sys.executable).parent / "spm")


class Terminal:
    """A tmux session that shows what a person sees, and takes keys to press."""

    def __init__(self, command: str, environment: dict[str, str]) -> None:
        self._environment = environment
        self._server = f"spm-test-{uuid.uuid4().hex[:8]}"
        self._tmux("new-session", "-d", "-x", "80", "-y", "40", f"{command}; echo exit code $?; exec cat")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", os.devnull, "-L", self._server, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=self._environment
        ).stdout

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The file in which this test's commands find its cloud and no other."""
    return tmp_path / "cloud.json"


@pytest.fixture
def environment(state: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {"SPM_CLOUD_FILE": str(state)}


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux, to look at a terminal")
    terminal = Terminal(f"{SPM} local --shards 2", environment)
    yield terminal
    terminal.close()


@pytest.fixture
def spm(environment: dict[str, str]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [SPM, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, env=environment
        )

    return run


def test_the_panel_shows_what_a_second_terminal_publishes(
    terminal: Terminal, spm: Callable[..., "subprocess.CompletedProcess[str]"], state: Path
) -> None:
    wait_until(lambda: "Stored" in terminal.screen, "the panel", seconds=300)
    assert "StudentPerformance-dev on embedded" in terminal.screen
    assert "2 shards" in terminal.screen
    address = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", terminal.screen)
    assert address is not None
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert b"No courses yet" in opener.open(address[0], timeout=60).read()
    shown = "".join(terminal.screen.split())  # long values are wrapped
    assert re.search(r"OverHTTPhttp://\w+\.lambda-url\.us-east-1\.localhost:\d+/Credential\w+:\S{20,}", shown)

    published = spm("generate", "--stream", "--events", "400", "--seed", "5")
    assert published.returncode == 0, published.stderr
    wait_until(lambda: "400 in the last hour, 400 in all" in terminal.screen, "400 events", seconds=300)
    assert json.loads(spm("status", "--json").stdout)["target"] == "embedded"
    second = spm("local")
    assert second.returncode == 1
    assert "running already" in second.stderr

    terminal.press("C-c")
    wait_until(lambda: "exit code 0" in terminal.screen, "its end", seconds=300)
    assert not state.exists()
    gone = spm("status", "--target", "embedded")
    assert gone.returncode == 3
    assert gone.stderr == "spm: no embedded cloud is running: start one in another terminal with: spm local\n"


def test_a_terminated_cloud_leaves_no_state_and_its_credential_was_taken(
    environment: dict[str, str], state: Path
) -> None:
    process = subprocess.Popen(
        [SPM, "local", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr
    assert process.stdout
    while "ready" not in (line := process.stderr.readline()):
        assert line, "it ended before it was ready"
    assert state.stat().st_mode & 0o077 == 0
    given = json.loads(process.stdout.readline())["ingest"]
    port = urlsplit(given["url"]).port
    assert port is not None
    client = DoorClient(given["url"], port, given["name"], given["secret"])
    assert client.post("/events", {"student_id": "s1", "event_type": "quiz"})[0] == 200
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode == 143
    assert not state.exists()
