"""``spm export-student`` as a process: what a student gets."""

import csv
import io
import json
import time
import zipfile
from pathlib import Path

import pytest

from processor.commands.query import Query
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment

STUDENT = "handed-out-ada"
EVENT = {"student_id": STUDENT, "event_type": "quiz", "score": 7.5, "metadata": {"course": "EXPORT-2"}}


@pytest.fixture(scope="module")
def stored(deployed: Deployment) -> None:
    sent = [EVENT, EVENT | {"score": "seven"}, EVENT | {"student_id": "handed-out-bob"}, EVENT]
    entries = [Entry(json.dumps(event).encode(), "key") for event in sent]
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, iter(entries)):
        pass
    deadline = time.monotonic() + 120
    while len(deployed.commands.run(Query("student", {"student_id": STUDENT})).rows) < 2:
        assert time.monotonic() < deadline, "the events are not stored"
        time.sleep(0.1)


def files_of(packed: Path) -> dict[str, str]:
    with zipfile.ZipFile(packed) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


@pytest.mark.usefixtures("stored")
def test_a_zip_file_holds_everything_and_the_access_log_tells(spm: Spm, tmp_path: Path) -> None:
    result = spm("export-student", STUDENT, str(tmp_path / "ada.zip"), "--time-zone", "Asia/Tokyo")
    assert result.returncode == 0, result.stderr
    assert "read rejected.csv before you hand it over" in " ".join(result.stdout.split())
    files = files_of(tmp_path / "ada.zip")
    assert {"README.txt", "summary.txt", "data.json", "events.csv", "rejected.csv"} <= set(files)
    events = list(csv.DictReader(io.StringIO(files["events.csv"])))
    assert [(row["your id"], row["score"]) for row in events] == [(STUDENT, "7.5")] * 2
    assert all(row["when it happened"].endswith("+09:00") for row in events)
    assert "seven" in files["rejected.csv"]
    assert "EXPORT-2\n    recorded: 2 times" in files["summary.txt"]
    assert "handed-out-bob" not in "".join(files.values())
    [look, *_] = json.loads(spm("access-log", "--student", STUDENT, "--json").stdout)[1:]
    assert look["command"] == "export_student"


@pytest.mark.usefixtures("stored")
def test_a_folder_has_to_be_new_so_that_nothing_is_mixed(spm: Spm, tmp_path: Path) -> None:
    folder = tmp_path / "for" / "ada"
    made = json.loads(spm("export-student", STUDENT, str(folder), "--json").stdout)
    assert sorted(made["files"]) == sorted(file.name for file in folder.iterdir())
    assert made["rows"]["student_performance"] == 2
    again = spm("export-student", STUDENT, str(folder))
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert "exists already" in again.stderr


def test_what_cannot_be_is_one_line(spm: Spm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nobody = spm("export-student", "nobody-at-all", str(tmp_path / "a"))
    assert (nobody.returncode, nobody.stderr) == (1, "nothing is kept about nobody-at-all\n")
    assert not (tmp_path / "a").exists()
    zone = spm("export-student", STUDENT, str(tmp_path / "b"), "--time-zone", "Atlantis")
    assert (zone.returncode, zone.stderr.splitlines()[0][:35]) == (2, "spm: there is no time zone Atlantis")
