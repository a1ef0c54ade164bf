"""``spm publish`` as a process; the tests look in the database for what they sent."""

import gzip
import json
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from emulation.cloud import EmbeddedCloud
from processor.commands.query import Query
from tests.integration.spm.conftest import Spm
from tests.support import Deployment


def students_events(deployed: Deployment, student_id: str) -> list[list[object]]:
    return deployed.commands.report(Query("student", {"student_id": student_id}, limit=10_000)).rows


def wait_for_events(deployed: Deployment, student_id: str, count: int) -> None:
    deadline = time.monotonic() + 180
    while len(found := students_events(deployed, student_id)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} events of {student_id}"
        time.sleep(0.1)


@pytest.fixture
def student() -> str:
    """A student of whom no other test has events."""
    return f"s-{uuid.uuid4().hex[:12]}"


def lines(student: str, count: int) -> list[str]:
    return [
        json.dumps(
            {
                "student_id": student,
                "event_type": "quiz",
                "score": n,
                "timestamp": f"2026-01-01T00:00:{n:02d}Z",
            }
        )
        for n in range(count)
    ]


def test_a_file_arrives_and_publishing_it_again_stores_nothing_twice(
    spm: Spm, deployed: Deployment, student: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines(student, 30)))
    for _ in range(2):
        result = spm("publish", str(file))
        assert (result.returncode, result.stdout) == (0, "published 30, bad and left out 0\n"), result.stderr
    marker = f"{student}-marker"
    assert spm("publish", "-", stdin=f'{{"student_id": "{marker}", "event_type": "end"}}').returncode == 0
    wait_for_events(deployed, marker, 1)  # with one shard, the ones before it were read too
    assert [row[2] for row in students_events(deployed, student)] == list(range(29, -1, -1))


def test_aggregated_events_arrive_one_by_one(
    spm: Spm, deployed: Deployment, student: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines(student, 60)))
    result = spm("publish", str(file), "--aggregate")
    assert (result.returncode, result.stdout) == (0, "published 60, bad and left out 0\n"), result.stderr
    wait_for_events(deployed, student, 60)
    assert [row[2] for row in students_events(deployed, student)] == list(range(59, -1, -1))


def test_csv_gzip_with_bad_lines_says_which_and_why(
    spm: Spm, deployed: Deployment, student: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.csv.gz"
    file.write_bytes(
        gzip.compress(
            f"student_id,event_type,score,course\n{student},quiz,91,MATH\n,quiz,1,\n{student},quiz,much,\n".encode()
        )
    )
    result = spm("publish", str(file), "--json")
    assert result.returncode == 1, result.stderr
    assert json.loads(result.stdout) == {
        "published": 1,
        "bad": 2,
        "resumed_after": 0,
        "without_id": 0,
        "of_dropped_months": 0,
        "reasons": {"invalid_member": 2},
    }
    assert 'line 3: invalid_member: the student_id "" (column student_id) is empty' in result.stderr
    assert 'line 4: invalid_member: the score "much" (column score) is not a number' in result.stderr
    wait_for_events(deployed, student, 1)
    ((_, event_type, score, metadata),) = students_events(deployed, student)
    assert (event_type, score, metadata) == ("quiz", 91.0, {"course": "MATH"})


def test_strict_publishes_nothing_of_a_file_with_a_bad_line(
    spm: Spm, deployed: Deployment, student: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join([*lines(student, 3), "nonsense"]))
    result = spm("publish", str(file), "--strict")
    assert result.returncode == 2
    assert "line 4: not_json" in result.stderr
    assert result.stderr.splitlines()[-1].endswith(
        "1 bad line; nothing was published: correct them, or leave out --strict"
    )
    assert students_events(deployed, student) == []


def state_files(environment: dict[str, str]) -> list[Path]:
    return list((Path(environment["XDG_STATE_HOME"]) / "spm").glob("*.json"))


def interrupt(environment: dict[str, str], suffix: str, file: Path, how: signal.Signals) -> tuple[int, str]:
    """Publish until something is in the stream, then stop it; return its exit code and what it printed."""
    process = subprocess.Popen(
        ["spm", "publish", str(file), "--suffix", suffix],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 180
    while not state_files(environment):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, how)
    _, errors = process.communicate(timeout=180)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("name", "how", "code"), [("events.jsonl", signal.SIGINT, 130), ("events.csv", signal.SIGTERM, 143)]
)
def test_an_interrupted_publish_says_so_and_goes_on_where_it_stopped(
    *,
    spm: Spm,
    deployed: Deployment,
    environment: dict[str, str],
    student: str,
    tmp_path: Path,
    name: str,
    how: signal.Signals,
    code: int,
) -> None:
    file = tmp_path / name
    if name.endswith(".csv"):
        filler = [f"filler,x,,{n},{'y' * 4000}" for n in range(6000)]
        last = [f"{student},quiz,{n},," for n in range(5)]
        file.write_text("\n".join(["student_id,event_type,score,place,text", *filler, *last]))
    else:
        event = {"student_id": "filler", "event_type": "x", "metadata": {"text": "y" * 4000}}
        filler = [json.dumps(event | {"place": n}) for n in range(6000)]
        file.write_text("\n".join([*filler, *lines(student, 5)]))
    returned, errors = interrupt(environment, deployed.suffix, file, how)
    assert returned == code
    (line,) = errors.splitlines()
    assert line.startswith("interrupted after ")
    assert line.endswith("the same command continues from there")

    result = spm("publish", str(file), "--json")
    receipt = json.loads(result.stdout)
    assert result.returncode == 0
    assert receipt["resumed_after"] > 0
    assert receipt["resumed_after"] + receipt["published"] == 6005
    wait_for_events(deployed, student, 5)
    assert not state_files(environment)


@pytest.mark.long
def test_a_new_stream_of_the_same_name_gets_the_whole_file(
    spm: Spm, embedded_cloud: EmbeddedCloud, environment: dict[str, str], tmp_path: Path
) -> None:
    suffix = f"again-{uuid.uuid4().hex[:6]}"
    file = tmp_path / "events.jsonl"
    event = {"student_id": "s", "event_type": "x", "metadata": {"text": "y" * 4000}}
    file.write_text("\n".join(json.dumps(event | {"place": n}) for n in range(6000)))
    embedded_cloud.deploy(suffix)
    try:
        interrupt(environment, suffix, file, signal.SIGINT)
        embedded_cloud.destroy(suffix)
        embedded_cloud.deploy(suffix)
        receipt = json.loads(spm("publish", str(file), "--json", "--suffix", suffix).stdout)
        assert (receipt["published"], receipt["resumed_after"]) == (6000, 0)
    finally:
        embedded_cloud.destroy(suffix)


def test_nothing_behind_the_first_array_is_ignored(spm: Spm) -> None:
    event = json.dumps({"student_id": "arrays", "event_type": "x", "timestamp": "2026-01-01T00:00:00Z"})
    both = spm("publish", "-", "--json", stdin=f"[{event}]\n[{event},{event}]")
    assert (both.returncode, json.loads(both.stdout)["published"]) == (0, 3)
    broken = spm("publish", "-", stdin=f"[{event}]\n{event}")
    assert broken.returncode == 2
    assert "after element 1 the array ends" in broken.stderr


def test_a_file_of_bad_lines_only_is_no_success(spm: Spm, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"nonsense\n' * 25)
    result = spm("publish", str(file))
    assert (result.returncode, result.stdout) == (1, "published 0, bad and left out 25\n")
    assert "… and 5 more: --dry-run groups them" in result.stderr
    assert spm("publish", str(file), "--allow-bad").returncode == 0


def test_a_dry_run_shows_events_and_kinds_of_bad_rows_and_sends_nothing(
    spm: Spm, deployed: Deployment, student: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.csv"
    file.write_text(f"student_id,event_type,score\n{student},quiz,9\n{student},quiz,1_0\n{student},quiz,x\n")
    result = spm("publish", str(file), "--dry-run")
    assert result.returncode == 1
    assert "quiz" in result.stdout
    assert '2 bad lines: score is not a number\n  first in line 3: "1_0"\n' in result.stdout
    assert "good 1, bad 2; nothing was published" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    as_json = json.loads(spm("publish", str(file), "--dry-run", "--json").stdout)
    assert (as_json["good"], as_json["bad"]) == (1, 2)
    assert [(kind["line"], kind["value"], kind["count"]) for kind in as_json["kinds_of_bad"]] == [
        (3, "1_0", 2)
    ]
    marker = f"{student}-marker"
    assert spm("publish", "-", stdin=f'{{"student_id": "{marker}", "event_type": "end"}}').returncode == 0
    wait_for_events(deployed, marker, 1)
    assert students_events(deployed, student) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("publish", "/no/such/file"), 2, "/no/such/file cannot be read: No such file or directory"),
        (("publish", "-", "--suffix", "none"), 3, "no stack StudentPerformance-none in region us-east-1"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    spm: Spm, arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = spm(*arguments)
    assert result.returncode == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("spm: ")
    assert says in line


def test_debug_shows_the_traceback(spm: Spm) -> None:
    result = spm("--debug", "publish", "/no/such/file")
    assert result.returncode == 2
    assert "Traceback" in result.stderr
