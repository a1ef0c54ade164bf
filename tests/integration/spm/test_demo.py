"""The demo as a person runs it: its output, its exit code, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.long

SPM = str(Path(sys.executable).parent / "spm")
DEMO = [SPM, "demo", "--students", "12", "--seed", "11"]


def descendants(root: int) -> set[int]:
    """Return every process below this one, from ps, which both Linux and macOS have."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = [tuple(int(field) for field in line.split()) for line in listing.splitlines()]
    found = {root}
    while new := {pid for pid, parent in parents if parent in found} - found:
        found |= new
    return found - {root}


def is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() not in {"", "Z", "Zs", "Z+"}


class RunningDemo:
    """A running demo, which remembers every process that the demo ever started."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.started: set[int] = set()
        self._output, self._errors = folder / "output", folder / "errors"
        with self._output.open("w") as output, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*DEMO, *arguments], stdout=output, stderr=errors, start_new_session=True
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            self.started |= descendants(self.process.pid)
            assert self.process.poll() is None, self.errors
            return condition()

        wait_until(holds, what, seconds=300)

    def finish(self) -> None:
        """Wait until the demo has ended and nothing that it started is left."""
        self.process.wait(timeout=300)
        wait_until(lambda: not any(is_running(pid) for pid in self.started), "its processes", seconds=15)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., RunningDemo]]:
    """Start the demo, and leave nothing behind even if the test fails."""
    started: list[RunningDemo] = []

    def start(*arguments: str) -> RunningDemo:
        started.append(RunningDemo(tmp_path, *arguments))
        return started[-1]

    yield start
    for demo in started:
        demo.process.terminate()
        demo.process.wait(timeout=120)


def test_every_figure_adds_up_and_nothing_is_left(run: Callable[..., RunningDemo]) -> None:
    demo = run()
    demo.wait_for(lambda: "Deploying" in demo.errors, "the deployment")
    demo.finish()
    assert demo.process.returncode == 0, demo.errors
    assert demo.started
    stored = re.search(r"Stored +([\d,]+) events", demo.output)
    published = re.search(r"Published +([\d,]+) records", demo.output)
    assert stored is not None
    assert published is not None
    assert int(published[1].replace(",", "")) == int(stored[1].replace(",", "")) + 7 > 1_000
    assert re.search(r"Rejected +7 records", demo.output)
    assert re.search(r"Duplicates +1,000 of 1,000 delivered again; 0 stored twice", demo.output)
    assert re.search(r"Latency +p50 [\d,]+ ms, p99 [\d,]+ ms", demo.output)
    assert "null_character" in demo.output
    assert re.search(r"At risk: [1-9]\d* of \d+ enrolments", demo.output)
    assert re.search(r"student-00\d\d │ [A-Z]{4}-\d{3} │ high", demo.output)
    assert "pieces of work due so far" in demo.output
    assert "✓ every student's missing work, as the school left it out" in demo.output
    assert "✗" not in demo.output


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["starting", "deploying"])
def test_a_signal_leaves_nothing_running(
    run: Callable[..., RunningDemo], end: signal.Signals, moment: str
) -> None:
    demo = run()
    if moment == "deploying":  # the demo says "Starting" only after this
        demo.wait_for(lambda: "Starting" in demo.errors, "the servers")
    demo.wait_for(lambda: bool(descendants(demo.process.pid)), "a first process")
    os.killpg(demo.process.pid, end)
    demo.finish()
    assert demo.process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[end]
    assert "Traceback" not in demo.errors


def test_keep_says_how_to_go_on_and_stops_on_ctrl_c(run: Callable[..., RunningDemo]) -> None:
    demo = run("--keep")
    demo.wait_for(lambda: "Ctrl-C" in demo.output, "the instructions")
    assert re.search(r"psql 'postgresql://[^']+'", demo.output)
    assert "spm publish" in demo.output
    address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", demo.output)
    assert address is not None
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert b"COMP-150" in opener.open(address[0], timeout=60).read()
    os.killpg(demo.process.pid, signal.SIGINT)
    demo.finish()
    assert demo.process.returncode == 0
