"""``spm roster`` on a deployed stack, from a school's files to the tables."""

import csv
import json
import time
import uuid
import zipfile
from pathlib import Path

import pytest

from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment


@pytest.fixture
def course() -> str:
    """A course that only this test uses."""
    return f"C-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(tmp_path: Path, course: str) -> Path:
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "courses.csv").write_text(
        f"id,title,time_zone,begins\n{course},Maths,Europe/Berlin,2026-08-01\n"
    )
    (folder / "assessments.csv").write_text(
        f"course,id,title,due_at,max_score\n{course},A1,Essay,2026-09-30,20\n"
    )
    (folder / "enrolments.csv").write_text(
        f"course,person,role\n{course},{course}-ada,student\n{course},{course}-turing,teacher\n"
    )
    (folder / "people.csv").write_text(f"id,display_name\n{course}-ada,Ada Lovelace\n")
    return folder


def test_a_dry_run_an_import_and_the_same_again(spm: Spm, folder: Path, course: str) -> None:
    planned = spm("roster", "import", str(folder), "--dry-run")
    assert planned.returncode == 0
    assert planned.stdout.endswith("nothing was changed: this was a dry run\n")
    assert spm("roster", "show", course).returncode == 2
    done = json.loads(spm("roster", "import", str(folder), "--json").stdout)
    assert done["applied"] is True
    assert {name: table["new"] for name, table in done["tables"].items()} == {
        "courses": 1,
        "assessments": 1,
        "enrolments": 2,
        "people": 1,
    }
    again = json.loads(spm("roster", "import", str(folder), "--json").stdout)
    assert {name: table["unchanged"] for name, table in again["tables"].items()} == {
        "courses": 1,
        "assessments": 1,
        "enrolments": 2,
        "people": 1,
    }


def test_show_tells_a_course_with_its_due_work_and_people(spm: Spm, folder: Path, course: str) -> None:
    spm("roster", "import", str(folder))
    shown = json.loads(spm("roster", "show", course, "--json").stdout)
    assert (shown["course"]["students"], shown["course"]["teachers"]) == (1, 1)
    assert shown["assessments"][0]["due_at"] == "2026-09-30T21:59:59Z"
    assert [row["display_name"] for row in shown["enrolments"]] == ["Ada Lovelace", None]
    result = spm("roster", "show", course)
    assert "Ada Lovelace" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    listed = json.loads(spm("roster", "show", "--limit", "100000", "--json").stdout)
    assert course in [row["id"] for row in listed["courses"]]


def test_a_wrong_line_imports_nothing_and_is_told_by_file_line_and_column(
    spm: Spm, folder: Path, course: str
) -> None:
    with (folder / "assessments.csv").open("a") as file:
        file.write(f"{course},A2,Exam,24.11.2026,\n")
    result = spm("roster", "import", str(folder))
    assert (result.returncode, result.stdout) == (2, "")
    problem, last = result.stderr.splitlines()
    assert problem.startswith('assessments.csv line 3, column due_at: "24.11.2026" is not a time; right: ')
    assert last == "spm: nothing was imported: 1 problem"
    assert spm("roster", "show", course).returncode == 2
    told = json.loads(spm("roster", "import", str(folder), "--json").stdout)
    assert (told["applied"], told["problems"][0]["line"]) == (False, 3)


def test_a_course_that_nobody_has_is_told_by_its_first_line(spm: Spm, folder: Path, course: str) -> None:
    (folder / "courses.csv").unlink()
    result = spm("roster", "import", str(folder))
    assert result.returncode == 2
    assert f"assessments.csv line 2, column course: there is no course {course}; right: " in result.stderr
    assert "nothing was imported" in result.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [("nowhere", "cannot be read"), ("text.zip", "not a zip"), ("empty", "holds no CSV or Excel files")],
)
def test_what_is_no_roster_is_one_line(spm: Spm, tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "text.zip").write_text("text")
    (tmp_path / "empty").mkdir()
    result = spm("roster", "import", str(tmp_path / name))
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert told in line


def test_check_tells_what_events_name_and_the_roster_does_not_have(
    spm: Spm, deployed: Deployment, folder: Path, course: str
) -> None:
    """The roster is an unpacked OneRoster archive; the events have the e-mail address and the class code."""
    archive = folder.parent / "oneroster.zip"
    files = {
        "classes.csv": f"sourcedId,title,classCode\n1,Maths,{course}\n",
        "users.csv": f"sourcedId,givenName,familyName,email\n7,Ada,Lovelace,ada@{course}\n",
        "enrollments.csv": "sourcedId,classSourcedId,userSourcedId,role\n1,1,7,student\n",
    }
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(f"export/{name}", text)
    imported = spm("roster", "import", str(archive), "--person-id", "email", "--course-id", "classCode")
    assert imported.returncode == 0, imported.stderr
    stranger = f"stranger-{course}"
    events = [
        {"student_id": student, "event_type": "x", "metadata": {"course": course}}
        for student in (f"ada@{course}", stranger)
    ]
    entries = (Entry(json.dumps(event).encode(), "key") for event in events)
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, entries):
        pass
    deadline = time.monotonic() + 120
    while json.loads(spm("student", stranger, "--json").stdout) == []:
        assert time.monotonic() < deadline, "the events are not stored"
        time.sleep(0.2)
    result = spm("roster", "check")
    assert result.returncode == 1
    assert "student not in the roster" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    found = json.loads(spm("roster", "check", "--json").stdout)
    assert found["findings"]["unknown_person"]["events"] >= 1


def test_a_made_up_schools_files_are_a_roster_and_events(spm: Spm, tmp_path: Path) -> None:
    school = tmp_path / "school"
    made = json.loads(spm("generate", str(school), "--students", "20", "--json").stdout)
    lines = (school / "events.jsonl").read_text().splitlines()
    assert made["generated"] == len(lines) > 1_000
    imported = spm("roster", "import", str(school / "roster"), "--json")
    assert json.loads(imported.stdout)["tables"]["people"]["new"] == 28
    published = spm("publish", str(school / "events.jsonl"), "--strict")
    assert f"published {len(lines):,}" in published.stdout


@pytest.mark.long
def test_200_000_enrolments_are_imported_in_half_a_minute(spm: Spm, tmp_path: Path, course: str) -> None:
    with (tmp_path / "courses.csv").open("w") as file:
        csv.writer(file).writerows([["id"], *([f"{course}-{number}"] for number in range(1_000))])
    with (tmp_path / "enrolments.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["course", "person", "role", "begins"])
        for number in range(200_000):
            begins = f"2026-08-{number % 28 + 1:02d}"
            rows.writerow([f"{course}-{number % 1_000}", f"s-{number // 8}", "student", begins])
    for outcome in ("new", "unchanged"):
        started = time.monotonic()
        done = spm("roster", "import", str(tmp_path), "--json")
        took = time.monotonic() - started
        assert json.loads(done.stdout)["tables"]["enrolments"][outcome] == 200_000
        assert took < 30, f"{outcome}: {took:.1f} s"
