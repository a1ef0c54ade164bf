"""From saving a pipeline's file to its code running, with ``spm local --watch``."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.results import Row
from spm.scaffold import pipeline

ROOT: Final = Path(__file__).parent.parent
SPM: Final = str(Path(sys.executable).with_name("spm"))
EDITS: Final = 20
PAUSE: Final = 1.0  # seconds between two edits
PATIENCE: Final = 300.0
EVENTS: Final = '{"student_id": "s-1", "event_type": "visit"}\n' * 500


def measure() -> list[Row]:
    """Return the seconds per edit of a new project's statements, without and with events coming in."""
    with _project() as run, _watching(run) as lines:
        rows = [_row("none", run, lines)]
        with _events_coming_in(run):
            rows.append(_row("500 per call of spm publish", run, lines))
    return rows


def _row(events: str, run: dict[str, Any], lines: list[str]) -> Row:
    took = sorted(_edited(run["cwd"] / "lending" / "statements.sql", lines) for _ in range(EDITS))
    return {
        "events_coming_in": events,
        "edits": len(took),
        "p50_s": round(median(took), 2),
        "longest_s": round(took[-1], 2),
    }


def _edited(statements: Path, lines: list[str]) -> float:
    """Add a column to a report's answer; return the seconds until it is told that this runs."""
    time.sleep(PAUSE)
    before = len(lines)
    text = statements.read_text(encoding="utf-8")
    saved = time.monotonic()
    statements.write_text(text.replace("sum(points) AS points", f"sum(points) AS points, 1 AS c{before}", 1))
    _wait_for("reloaded in", lines, before)
    return time.monotonic() - saved


def _wait_for(text: str, lines: list[str], start: int = 0) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(text in line for line in lines[start:]):
        if time.monotonic() > deadline:
            raise TimeoutError(f"spm local did not say {text!r}, but: {lines[-5:]}")
        time.sleep(0.01)


@contextmanager
def _project() -> Iterator[dict[str, Any]]:
    """Make a project; yield how its commands are run."""
    with tempfile.TemporaryDirectory(prefix="bench-reload") as folder:
        project = Path(folder)
        pipeline.write(project, pipeline.NewPipeline("lending", "lending", project / "lending"))
        (project / "node_modules").symlink_to(ROOT / "node_modules")
        (project / ".local").mkdir()
        (project / ".local" / "cache").symlink_to(ROOT / ".local" / "cache")  # the CDK's library, unpacked
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPM_"))}
        yield {"cwd": project, "env": own, "text": True}


@contextmanager
def _watching(run: dict[str, Any]) -> Iterator[list[str]]:
    """Run ``spm local --watch``; yield the lines that it prints, more as time goes by."""
    command = [SPM, "local", "--watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **run) as local:  # noqa: S603 - our own
        lines: list[str] = []
        printed = local.stderr
        reading = threading.Thread(target=lambda: lines.extend(printed or ()), daemon=True)
        reading.start()
        try:
            _wait_for("ready;", lines)
            yield lines
        finally:
            local.terminate()
            reading.join()


@contextmanager
def _events_coming_in(run: dict[str, Any]) -> Iterator[None]:
    stopped = threading.Event()

    def publish() -> None:
        while not stopped.is_set():
            command = [SPM, "publish", "-"]
            subprocess.run(command, input=EVENTS, capture_output=True, check=True, **run)  # noqa: S603 - our own

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        yield
    finally:
        stopped.set()
        publishing.join()
