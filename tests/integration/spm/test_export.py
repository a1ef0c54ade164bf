"""``spm export`` as a process: what it writes, and what it leaves when it is killed."""

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from processor.commands.query import Query
from processor.commands.refresh import Refresh
from processor.student_performance import PIPELINE as SHIPPED
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment

STUDENT = "export-ada"
EVENT = {
    "student_id": STUDENT,
    "event_type": "quiz",
    "score": 7.5,
    "timestamp": "2026-03-01T12:00:00Z",
    "metadata": {"course": "EXPORT-1", "assessment": "A1", "naïve": "line\nbreak, comma"},
}


@pytest.fixture(scope="module")
def stored(deployed: Deployment) -> None:
    entries = (Entry(json.dumps(EVENT | {"score": n}).encode(), "key") for n in range(300))
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, entries):
        pass
    deadline = time.monotonic() + 120
    while len(deployed.commands.run(Query("student", {"student_id": STUDENT}, limit=1_000)).rows) < 300:
        assert time.monotonic() < deadline, "the events are not stored"
        time.sleep(0.1)
    deployed.commands.run(Refresh())


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return [row for row in csv.DictReader(opened) if row["student_id"] == STUDENT]


@pytest.mark.usefixtures("stored")
def test_every_projection_and_each_month_of_the_log_is_a_file(spm: Spm, tmp_path: Path) -> None:
    folder = tmp_path / "a school"
    result = spm("export", str(folder))
    assert (result.returncode, result.stdout[:6]) == (0, "wrote "), result.stderr
    names = {file.name for file in folder.iterdir()}
    assert names > {f"{projection.name}.csv" for projection in SHIPPED.projections} | {
        "risk.csv",
        "risk_change.csv",
    }
    log = [row for file in folder.glob("student_performance-*.csv") for row in rows_of(file)]
    assert len(log) == 300
    assert {json.loads(row["metadata"])["naïve"] for row in log} == {"line\nbreak, comma"}
    [course] = rows_of(folder / "student_course.csv")
    assert (course["course"], course["events"], course["score_sum"]) == ("EXPORT-1", "300", "44850")
    again = spm("export", str(folder), "--json")
    assert set(json.loads(again.stdout).values()) == {None}


@pytest.mark.usefixtures("stored")
def test_after_a_kill_finished_files_are_kept_and_the_others_made(
    spm: Spm, deployed: Deployment, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        ["spm", "export", str(folder), "--suffix", deployed.suffix],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob("*.csv")):
        assert time.monotonic() < deadline, "no file was finished"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = {file.name: file.stat().st_mtime_ns for file in folder.glob("*.csv")}
    (folder / "risk.csv").unlink(missing_ok=True)  # as if killed in the middle of this file
    (folder / "risk.csv.unfinished").write_text("half a li")
    result = spm("export", str(folder), "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    for name, changed in kept.items():
        if name != "risk.csv":
            assert ((folder / name).stat().st_mtime_ns, rows[str(folder / name)]) == (changed, None)
    assert not list(folder.glob("*.unfinished"))
    assert (folder / "risk.csv").read_text().startswith("course,student,score,level,")
    assert sum(len(rows_of(file)) for file in folder.glob("student_performance-*.csv")) == 300


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("")
    return file


def test_a_folder_that_cannot_be_made_is_one_line(spm: Spm, a_file: Path) -> None:
    result = spm("export", str(a_file))
    assert result.returncode != 0
    assert result.stderr.startswith("spm: ")
    assert "cannot be made" in result.stderr
    assert len(result.stderr.splitlines()) == 1
