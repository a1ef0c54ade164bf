"""The commands that show something: ``status``, ``query``, ``student``, ``tail`` and others."""

import csv
import io
import json
import os
import signal
import subprocess
import time
import uuid
from datetime import UTC, datetime

import pytest

from processor.commands.refresh import Refresh
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.spm.conftest import Spm
from tests.integration.spm.sending import send, wait_for
from tests.support import Deployment


@pytest.fixture(scope="module")
def course(deployed: Deployment) -> str:
    """A course of this module's own, with two students."""
    course = f"C-{uuid.uuid4().hex[:8]}"
    events = [
        {
            "student_id": f"{course}-{name}",
            "event_type": "quiz",
            "score": score,
            "timestamp": f"2026-03-{day:02d}T12:00:00Z",
            "metadata": {"course": course, "quiz": f"Q{day}"},
        }
        for name, day, score in [("ada", 1, 90.0), ("ada", 2, 95.5), ("bob", 2, 40)]
    ]
    events.append({"student_id": f"{course}-bob", "event_type": "login", "metadata": {"course": course}})
    send(deployed, *events)
    wait_for(deployed, f"{course}-ada", 2)
    wait_for(deployed, f"{course}-bob", 2)
    deployed.commands.run(Refresh())
    return course


@pytest.mark.usefixtures("course")
def test_status_is_one_screen(spm: Spm) -> None:
    result = spm("status")
    for line in (
        "Stack",
        "Stream",
        "Mapping",
        "Lag",
        "Stored",
        "Duplicates",
        "Rejected",
        "Database",
        "Alarms",
    ):
        assert line in result.stdout
    assert len(result.stdout.splitlines()) <= 24
    assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80


@pytest.mark.usefixtures("course")
def test_status_as_json_tells_the_same_as_the_exit_code(spm: Spm) -> None:
    result = spm("status", "--json")
    health = json.loads(result.stdout)
    assert health["shards"] == 1
    assert health["database"]["stored"] >= 4
    assert health["alarms"]
    assert health["mapping"] == "Enabled"
    assert result.returncode == (1 if health["attention"] else 0)


def test_query_counts_as_json_csv_and_table(spm: Spm, course: str) -> None:
    (row,) = json.loads(spm("query", "courses", "--course", course, "--json").stdout)
    assert (row["course"], row["events"], row["students"]) == (course, 4, 2)
    assert row["mean_score"] is None  # hidden, because fewer than ten have one

    rows = list(
        csv.DictReader(io.StringIO(spm("query", "students", "--course", course, "--format", "csv").stdout))
    )
    assert [(r["student_id"], r["events"]) for r in rows] == [(f"{course}-ada", "2"), (f"{course}-bob", "2")]

    table = spm("query", "types", "--course", course).stdout
    assert "quiz" in table
    assert "login" in table
    days = json.loads(spm("query", "days", "--course", course, "--json").stdout)
    assert {"2026-03-01", "2026-03-02"} < {row["day"] for row in days}


def test_query_names_the_reports_and_filters_that_there_are(spm: Spm, course: str) -> None:
    (row,) = json.loads(spm("query", "courses", "--where", f"course={course}", "--json").stdout)
    assert row["events"] == 4
    for wrong, code, told in (
        (("grades",), 4, "tail, days, types, student, students, courses"),
        (("days", "--where", "teacher=x"), 4, "course, event_type, since, until"),
        (("days", "--where", "teacher"), 2, "NAME=VALUE"),
    ):
        result = spm("query", *wrong)
        assert result.returncode == code
        assert told in result.stderr


def test_student_shows_history_and_plot(spm: Spm, course: str) -> None:
    result = spm("student", f"{course}-ada")
    assert result.returncode == 0
    assert "2026-03-02 12:00" in result.stdout
    assert "per cent, oldest to newest: ▇█" in result.stdout
    assert "lowest 90.0, mean 92.8, highest 95.5" in result.stdout
    newest, oldest = json.loads(spm("student", f"{course}-ada", "--json").stdout)
    assert (newest["score"], oldest["metadata"]["quiz"]) == (95.5, "Q1")


def test_the_access_log_shows_who_looked_at_a_student(spm: Spm, course: str) -> None:
    spm("student", f"{course}-bob")
    result = spm("access-log", "--student", f"{course}-bob")
    assert result.returncode == 0
    assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80
    own, *_, look = json.loads(spm("access-log", "--student", f"{course}-bob", "--json").stdout)
    assert (own["command"], look["command"], look["student_id"]) == ("access_log", "query", f"{course}-bob")
    assert own["who"] == look["who"]
    assert own["who"].startswith("arn:aws:")
    none = spm("access-log", "--who", "arn:nobody")
    assert (none.returncode, none.stdout) == (0, "")
    assert "nobody looked" in none.stderr


def test_a_limit_says_that_there_is_more(spm: Spm, course: str) -> None:
    one = spm("query", "students", "--course", course, "--limit", "1")
    assert one.stderr == "There is more: --page 2 shows the next 1, --limit up to 10,000 at a time.\n"
    two = spm("query", "students", "--course", course, "--limit", "1", "--page", "2")
    assert (f"{course}-ada" in one.stdout, f"{course}-bob" in two.stdout, two.stderr) == (True, True, "")
    assert spm("query", "students", "--course", course, "--limit", "2").stderr == ""
    assert "There is more" in spm("student", f"{course}-ada", "--limit", "1").stderr
    assert "Q1" in spm("student", f"{course}-ada", "--limit", "1", "--page", "2").stdout
    assert len(json.loads(spm("student", f"{course}-ada", "--limit", "1", "--json").stdout)) == 1
    assert spm("query", "students", "--course", f"{course}-none").stderr == "nothing that is stored matches\n"


def test_reports_are_of_when_it_happened_and_in_the_order_asked_for(spm: Spm, course: str) -> None:
    second = ("--since", "2026-03-02", "--until", "2026-03-03", "--course", course)
    (row,) = json.loads(spm("query", "days", *second, "--json").stdout)
    assert (row["day"], row["events"]) == ("2026-03-02", 2)
    assert len(json.loads(spm("student", f"{course}-ada", *second, "--json").stdout)) == 1

    def students(*options: str) -> list[str]:
        rows = json.loads(spm("query", "students", "--course", course, "--json", *options).stdout)
        return [row["student_id"].removeprefix(f"{course}-") for row in rows]

    assert students("--sort", "mean_score") == ["bob", "ada"]
    assert students("--sort", "mean_score", "--descending") == ["ada", "bob"]
    assert "it has student_id, events" in spm("query", "students", "--sort", "grade").stderr


def test_an_unknown_student_is_said_to_be_one(spm: Spm) -> None:
    result = spm("student", "nobody")
    assert result.returncode == 1
    assert result.stderr == "nothing is stored about nobody\n"


def test_tail_shows_the_newest_and_ends(spm: Spm, course: str) -> None:
    result = spm("tail", "--no-follow", "--course", course, "-n", "3", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(events) == 3
    assert [e["stored_at"] for e in events] == sorted(e["stored_at"] for e in events)
    assert spm("tail", "--no-follow", "--course", course, "--type", "login").stdout.count("\n") == 1


def test_tail_follows_every_event_once_until_ctrl_c(
    deployed: Deployment, environment: dict[str, str]
) -> None:
    student = f"tail-{uuid.uuid4().hex[:8]}"
    process = subprocess.Popen(
        ["spm", "tail", "--student", student, "--json", "--suffix", deployed.suffix],
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    seen: list[int] = []
    for batch in range(4):
        send(
            deployed, *({"student_id": student, "event_type": "n", "score": batch * 5 + n} for n in range(5))
        )
        seen += [json.loads(process.stdout.readline())["score"] for _ in range(5)]
    os.killpg(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=120)
    assert (seen, rest, errors) == (list(range(20)), "", "")
    assert process.returncode == 130


@pytest.mark.usefixtures("course")
def test_logs_show_what_the_functions_wrote(spm: Spm, deployed: Deployment) -> None:
    def logged(*arguments: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in spm("logs", *arguments, "--json").stdout.splitlines()]

    deadline = time.monotonic() + 60
    while not any("StoredEvents" in line["message"] for line in logged("processor")):
        assert time.monotonic() < deadline, "the processor's metrics are not in its log"
    assert {line["function"] for line in logged("processor")} == {deployed.stack.processor_name}
    assert len({line["function"] for line in logged()}) >= 2
    assert logged("--since", "2999-01-01T00:00:00Z") == []
    assert spm("logs", "grader").returncode == 2


def test_migrate_has_nothing_to_do_on_a_deployed_stack(spm: Spm) -> None:
    result = spm("migrate")
    assert result.returncode == 0
    assert "nothing to do" in result.stdout
    assert json.loads(spm("migrate", "--json").stdout)["applied"] == []


@pytest.mark.usefixtures("course")
def test_retention_of_the_past_drops_nothing(spm: Spm) -> None:
    result = spm("retention", "--older-than", "1980-01", "--dry-run", "--json")
    planned = json.loads(result.stdout)
    assert (planned["older_than"], planned["dropped"]) == ("1980-01", False)
    assert [(table["table"], table["rows"]) for table in planned["tables"]] == [(SHIPPED.table, 0)]
    later = spm("retention", "--older-than", f"{datetime.now(UTC).year + 1}-01", "--dry-run")
    assert (later.returncode, "is in the future" in later.stderr) == (2, True)


@pytest.mark.usefixtures("course")
def test_colours_and_tables_fit_a_pipe(spm: Spm) -> None:
    plain = spm("status", FORCE_COLOR="", NO_COLOR="1").stdout
    assert "\x1b" not in plain


def test_watching_ends_with_ctrl_c(deployed: Deployment, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        ["spm", "status", "--watch", "--suffix", deployed.suffix],
        env=environment | {"FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    while "Stack" not in (line := process.stdout.readline()):
        assert line, "it ended"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == ""
