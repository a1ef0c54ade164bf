"""``spm local --watch`` while a project's pipeline is edited and events come in."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulation.cloud import read_state
from spm.aws.stack import Aws
from spm.scaffold import pipeline
from tests.waiting import wait_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
SPM = str(Path(sys.executable).with_name("spm"))


class Editing:
    """A pipeline that is edited while it runs, with commands, and what ``spm local`` prints."""

    def __init__(self, project: Path) -> None:
        self.folder = project / "lending"
        self.lines: list[str] = []
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPM_"))}
        self._run: dict[str, Any] = {"cwd": project, "env": own, "text": True}
        command = [SPM, "local", "--watch", "--json"]
        self.local = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self._run)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self.wait_for("ready;")

    def _read(self) -> None:
        assert self.local.stderr
        with self.local.stderr as printed:
            self.lines.extend(line.rstrip("\n") for line in iter(printed.readline, ""))

    def wait_for(self, text: str) -> str:
        """Return the first new line that contains the text; forget the lines before it."""

        def found() -> str | None:
            return next((line for line in list(self.lines) if text in line), None)

        wait_until(lambda: bool(found()) or self.local.poll() is not None, text, seconds=600)
        line = found()
        assert line, f"spm local has ended: {self.lines}"
        del self.lines[: self.lines.index(line) + 1]
        return line

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text()
        assert old in text
        (self.folder / file).write_text(text.replace(old, new))

    def spm(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [SPM, *arguments], input=given, capture_output=True, check=False, timeout=120, **self._run
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def answer(self, report: str) -> bytes:
        """Ask the function itself, because ``spm`` would also read the pipeline's files."""
        state = read_state(self.folder.parent / ".local" / "cloud.json")
        assert state
        asked = Aws(state.aws_environment).functions.invoke(
            FunctionName="student-performance-reports-dev",
            Payload=json.dumps({"command": "query", "report": report}),
        )
        return asked["Payload"].read()

    def stop(self) -> None:
        self.local.send_signal(signal.SIGTERM)
        self.local.wait(180)
        self._reading.join(10)


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editing]:
    project = tmp_path_factory.mktemp("project")
    pipeline.write(project, pipeline.NewPipeline("lending", "lending", project / "lending"))
    (project / "node_modules").symlink_to(ROOT / "node_modules")
    (project / ".local").mkdir()
    (project / ".local" / "cache").symlink_to(ROOT / ".local" / "cache")  # holds the CDK's library, unpacked
    author = Editing(project)
    yield author
    author.stop()


def publish_until(author: Editing, stopped: threading.Event, sent: list[int]) -> None:
    """Publish batches of events with identities, one batch after the other."""
    while not stopped.is_set():
        events = [
            json.dumps({"event_id": str(uuid.uuid4()), "student_id": f"s{n % 20}", "event_type": "visit"})
            for n in range(500)
        ]
        author.spm("publish", "-", given="\n".join(events))
        sent.append(len(events))


def stored(author: Editing) -> dict[str, int]:
    found = json.loads(author.spm("status", "--json"))["database"]
    return {name: found[name] for name in ("stored", "rejected")}


def test_edits_run_while_events_come_in_and_none_is_lost(author: Editing) -> None:
    stopped, sent = threading.Event(), list[int]()
    publishing = threading.Thread(target=publish_until, args=(author, stopped, sent))
    publishing.start()
    try:
        wait_until(lambda: len(sent) > 1, "events", seconds=120)
        author.edit("statements.sql", "sum(points) AS points", "sum(points) AS points, max(points) AS best")
        author.wait_for("reloaded in")
        assert "best" in author.spm("query", "students", "--format", "csv")

        author.edit("__init__.py", "None = None\n", "None = None\n    room: Name | None = None\n")
        assert "column of the table lending" in author.wait_for("lending/__init__.py:16: the event's room")
        (author.folder / "migrations" / "0002_room.sql").write_text(
            "ALTER TABLE lending ADD COLUMN room text;\n"
        )
        assert "applied 0002_room" in author.wait_for("reloaded in")
        author.spm("publish", "-", given='{"student_id": "s1", "event_type": "visit", "room": "r1"}\n')
        before = len(sent)
        wait_until(lambda: len(sent) > before + 1, "more events", seconds=120)
    finally:
        stopped.set()
        publishing.join()
    expected = {"stored": sum(sent) + 1, "rejected": 0}
    wait_until(lambda: stored(author) == expected, f"{expected}", seconds=120)
    time.sleep(1)
    assert stored(author) == expected


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("__init__.py", "key=", "key==", r"lending/__init__\.py:\d+: SyntaxError"),
        ("__init__.py", "message=Event", "message=Evnt", r"lending/__init__\.py:\d+: NameError: name 'Evnt'"),
        ("statements.sql", "{limit}", "{limits}", r"lending/statements\.sql:2: report_students: "),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_old_code_goes_on(
    author: Editing, file: str, old: str, new: str, told: str
) -> None:
    answer = author.answer("students")
    author.edit(file, old, new)
    author.wait_for("not reloaded, the old code is still running:")
    assert re.match(told, author.wait_for("lending/"))
    assert author.answer("students") == answer
    author.edit(file, new, old)
    author.wait_for("reloaded in")
    assert author.answer("students") == answer


def test_a_migration_is_applied_when_something_is_in_it(author: Editing) -> None:
    number = len(list((author.folder / "migrations").iterdir())) + 1
    file = author.folder / "migrations" / f"{number:04}_later.sql"
    file.write_text("-- What comes later.\n")
    author.wait_for(f"lending/migrations/{file.name}: there is no statement in it yet")
    file.write_text("COMMENT ON TABLE lending IS 'what was lent';\n")
    assert f"applied {file.stem}" in author.wait_for("reloaded in")


def test_other_pipelines_need_a_new_start(author: Editing) -> None:
    file = author.folder.parent / "pyproject.toml"
    before = file.read_text()
    file.write_text(before.replace('["lending"]', '["lending", "processor.student_performance"]'))
    author.wait_for("names other pipelines: start spm local again")
    file.write_text(before)
    author.wait_for("reloaded in")
