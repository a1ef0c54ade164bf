"""The commands with which an advisor sees who is at risk, why, and who talked to them."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from processor.commands.refresh import Refresh
from processor.commands.roster_import import RosterImport
from processor.commands.roster_stage import RosterStage
from tests.integration.spm.conftest import Spm
from tests.support import Deployment

NOTE = "Called; hands in the essay on Friday"


@pytest.fixture(scope="module")
def course(deployed: Deployment) -> str:
    """A course whose essay was due three days ago, and whose only student has handed in nothing."""
    course = f"R-{uuid.uuid4().hex[:8]}"
    due = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    rows = {
        "courses": [{"id": course, "title": "Algebra", "time_zone": "UTC"}],
        "assessments": [{"course": course, "id": "essay", "title": "Essay", "due_at": due, "counts": True}],
        "enrolments": [{"course": course, "person": f"{course}-ada", "role": "student"}],
    }
    key = uuid.uuid4()
    stage = {"command": "roster_stage", "import_id": str(key), "number": 0, "rows": rows}
    deployed.commands.run(msgspec.convert(stage, RosterStage))
    assert deployed.commands.run(RosterImport(import_id=key, chunks=1)).applied
    deployed.commands.run(Refresh())
    return course


def test_who_is_at_risk_is_listed_with_the_largest_reason(spm: Spm, course: str) -> None:
    [row] = json.loads(spm("risk", "list", "--course", course, "--json").stdout)
    assert (row["student"], row["level"]) == (f"{course}-ada", "high")
    told = " ".join(spm("risk", "list", "--course", course).stdout.split())
    assert "high" in told


def test_a_student_is_shown_with_every_reason_and_who_talked_to_them(spm: Spm, course: str) -> None:
    student = f"{course}-ada"
    assert spm("followup", "add", student, "--course", course, "--note", NOTE).returncode == 0
    told = " ".join(spm("risk", "show", student).stdout.split())
    assert f"{course}: high" in told
    assert "The only piece of work due so far is missing: Essay" in told
    assert "Nothing has been handed in so far" in told
    assert NOTE in told
    [row] = json.loads(spm("risk", "show", student, "--json").stdout)
    assert [talk["note"] for talk in row["follow_ups"]] == [NOTE]
    assert [reason["rule"] for reason in row["reasons"]][:2] == ["missing", "never"]


def test_history_says_how_the_level_changed_and_why(spm: Spm, course: str) -> None:
    told = " ".join(spm("risk", "history", "--course", course).stdout.split())
    assert f"{course}-ada in {course}: none → high" in told
    assert "Essay" in told


def test_a_student_of_no_course_is_said_to_be_one(spm: Spm) -> None:
    result = spm("risk", "show", "nobody-at-all")
    assert result.returncode == 1
    assert "is enrolled in no course that was evaluated" in result.stderr


def test_an_audit_compares_who_was_found_with_who_failed(spm: Spm, course: str, tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes.csv"
    passed = "".join(f"{course},{course}-{number},passed,m\n" for number in range(11))
    outcomes.write_text(f"course,student,outcome,gender\n{course},{course}-ada,failed,f\n{passed}")
    told = spm("risk", "audit", "--outcomes", str(outcomes))
    assert told.returncode == 0, told.stderr
    rows = [line.split("│") for line in told.stdout.splitlines() if "│ all " in line]
    figures = [cell.strip() for cell in rows[0][1:-1]]
    # One of twelve failed, one was found, and she is the one.
    assert figures[:7] == ["all", "elevated", "12", "1", "1", "1.00", "1.00"]
    assert "gender: 2 groups hidden, to protect fewer than 10 students" in told.stderr
    report = json.loads(spm("risk", "audit", "--outcomes", str(outcomes), "--json").stdout)
    assert (report["groups"], report["hidden"]) == ([], {"gender": 2})
