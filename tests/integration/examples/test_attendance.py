"""A second pipeline beside the first, deployed by the same app, with everything that spm can do."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from emulation.cloud import EmbeddedCloud, stack_name
from emulation.errors import DeployFailed
from emulation.project import CHECKOUT
from processor.commands.rejected import Rejected
from processor.commands.status import Status
from spm.aws.stack import Stack, find
from spm.publishing.put_records import Entry, publish
from tests import tutorial
from tests.support import Deployment, deploy

pytestmark = pytest.mark.long

Spm = Callable[..., Any]

MODULES = "processor.student_performance examples.attendance examples.library_loans"
SUFFIX = "dev"  # the tutorial's commands use this one

CHECK_INS = [
    {
        "session_id": f"math-{number % 3}",
        "student_id": f"s{number % 7}",
        "status": "late" if number % 5 == 0 else "present",
        "timestamp": f"2026-11-22T08:{number:02}:00Z",
    }
    for number in range(40)
]


@pytest.fixture(scope="module")
def both(embedded_cloud: EmbeddedCloud) -> Iterator[Deployment]:
    yield deploy(embedded_cloud, SUFFIX, pipelines=MODULES)
    embedded_cloud.destroy(SUFFIX)


@pytest.fixture(scope="module")
def attendance(both: Deployment) -> Stack:
    return find(both.aws, both.suffix, "attendance")


@pytest.fixture
def environment(embedded_cloud: EmbeddedCloud, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        **embedded_cloud.aws_environment(),
    }


@pytest.fixture
def spm(both: Deployment, environment: dict[str, str]) -> Spm:
    """Run ``spm … --json --pipeline attendance``; return what it prints."""

    def run(*arguments: str, stdin: str = "", codes: tuple[int, ...] = (0,)) -> Any:
        command = ["spm", *arguments, "--suffix", both.suffix, "--pipeline", "attendance", "--json"]
        done = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in codes, done.stderr
        lines = done.stdout.strip()
        return [json.loads(line) for line in lines.splitlines()] if "tail" in arguments else json.loads(lines)

    return run


def wait_for(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come in 60 s"
        time.sleep(0.2)
    return value


def test_check_ins_from_file_to_derived_table(both: Deployment, spm: Spm) -> None:
    lines = "\n".join(json.dumps(check_in) for check_in in CHECK_INS)
    assert spm("publish", "-", "--allow-bad", stdin=lines + '\n{"session_id":"math-1"}\n')["bad"] == 1

    wait_for(lambda: spm("status", codes=(0, 1))["database"]["stored"] == 40)
    status = both.commands.run(Status())
    assert (status.stored, status.rejected) == (0, 0)  # the other pipeline got nothing

    shown = spm("tail", "--no-follow", "-n", "100", "--student", "s1")
    assert {row["student_id"] for row in shown} == {"s1"}
    assert len(shown) == len([c for c in CHECK_INS if c["student_id"] == "s1"])

    def sessions() -> dict[str, Any]:
        return {row["session_id"]: row["check_ins"] for row in spm("query", "sessions")}

    assert sessions() == {"math-0": 14, "math-1": 13, "math-2": 13}
    assert spm("rebuild", "session_attendance") == {"projection": "session_attendance", "rows": 3}
    assert sessions() == {"math-0": 14, "math-1": 13, "math-2": 13}


def test_a_table_and_what_is_shown_of_a_student(
    both: Deployment, spm: Spm, environment: dict[str, str]
) -> None:
    table = "Session ID;Student ID;Status;Timestamp\nart-1;zoe;late;2026-11-22T09:00:00Z\nart-1;zoe;early;\n"
    assert spm("publish", "-", "--dry-run", "--allow-bad", stdin=table)["bad"] == 1
    assert spm("publish", "-", "--allow-bad", stdin=table)["published"] == 1
    [event] = wait_for(lambda: spm("student", "zoe"))
    assert (event["session_id"], event["status"]) == ("art-1", "late")
    command = ["spm", "student", "zoe", "--suffix", both.suffix, "--pipeline", "attendance"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert re.findall(r"[\w:-]+", shown.stdout)[:3] == ["when", "session_id", "status"]
    assert re.search("2026-11-22 09:00:00 UTC .* art-1 .* late ", shown.stdout)
    assert "scores" not in shown.stdout


def test_replaying_the_stream_changes_nothing(spm: Spm) -> None:
    before = spm("status", codes=(0, 1))["database"]["stored"]
    receipt = spm("replay", "stream")
    assert (receipt["stored"], receipt["duplicates"]) == (0, receipt["received"])
    assert spm("status", codes=(0, 1))["database"]["stored"] == before


def test_rejected_check_ins_are_its_own_and_can_be_redriven(
    both: Deployment, attendance: Stack, spm: Spm
) -> None:
    for _ in publish(both.aws.kinesis, attendance.stream_name, [Entry(b"BADGE nobody", "key")]):
        pass
    [row] = wait_for(lambda: spm("rejected", "list"))
    assert (row["reason"], row["pipeline"]) == ("invalid_member", "attendance")
    done = spm("rejected", "redrive", codes=(1,))
    assert [again["sequence_number"] for again in done["still_rejected"]] == [row["sequence_number"]]
    assert both.commands.run(Rejected(pipeline="student-performance")).rejected == []


def test_failed_records_and_files_are_replayed_and_old_months_dropped(
    both: Deployment, attendance: Stack, spm: Spm, tmp_path: Path
) -> None:
    """The check-ins are of January 1990, and come from a shard of their own."""
    invocation = {
        "Records": [
            {
                "kinesis": {
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(json.dumps(check_in).encode()).decode(),
                    "approximateArrivalTimestamp": datetime(1990, 1, 2, tzinfo=UTC).timestamp(),
                },
                "eventID": f"shardId-000000000099:{number}",
                "eventSourceARN": attendance.stream_arn,
            }
            for number, check_in in enumerate(CHECK_INS[:10], start=1)
        ]
    }
    before = spm("status", codes=(0, 1))["database"]["stored"]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(invocation))
    assert spm("replay", "file", str(file))["stored"] == 10

    s3, bucket = both.aws.s3, attendance.bucket_name
    s3.put_object(Bucket=bucket, Key="failed", Body=json.dumps({"payload": json.dumps(invocation)}))
    receipt = spm("replay", "failed", "--remove")
    assert (receipt["stored"], receipt["duplicates"]) == (0, 10)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)

    dropped = spm("retention", "--older-than", "1990-02", "--yes")
    [log] = [table for table in dropped["tables"] if table["table"] == "attendance"]
    assert ([held["month"] for held in log["months"]], dropped["dropped"]) == (["1990-01"], True)
    assert spm("status", codes=(0, 1))["database"]["stored"] == before


def test_each_has_its_own_stream_function_and_alarms(
    both: Deployment, attendance: Stack, embedded_cloud: EmbeddedCloud
) -> None:
    assert (both.stack.stream_name, attendance.stream_name) == (
        "student-performance-stream-dev",
        "attendance-stream-dev",
    )
    assert attendance.processor_name == "attendance-processor-dev"
    assert attendance.bucket_name != both.stack.bucket_name
    found = embedded_cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    prefix = "student-performance-dev-attendance-"
    own = {a["AlarmName"].removeprefix(prefix) for a in found if a["AlarmName"].startswith(prefix)}
    assert {"processor-errors", "iterator-age", "rejected-events", "failed-records"} <= own


def test_what_one_pipeline_takes_is_rejected_by_the_other(both: Deployment) -> None:
    data = json.dumps(CHECK_INS[0]).encode()
    for _ in publish(both.aws.kinesis, both.stack.stream_name, [Entry(data, "key")]):
        pass
    rejected = wait_for(lambda: both.commands.run(Rejected(pipeline="student-performance")).rejected)
    assert rejected[0].reason == "missing_member"


@pytest.fixture
def release_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploy from a copy of the checkout whose events call the table's status by another name."""
    for name in ("infra", "processor", "examples"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "examples" / "attendance" / "__init__.py"
    module.write_text(module.read_text().replace("    status: Lit", "    presence: Lit"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # comes before the installed package


@pytest.mark.usefixtures("release_that_does_not_fit")
def test_a_pipeline_that_does_not_fit_its_table_fails_the_deployment(embedded_cloud: EmbeddedCloud) -> None:
    with pytest.raises(DeployFailed) as failed:
        embedded_cloud.deploy("misfit", {"pipelines": "processor.student_performance examples.attendance"})
    cloudformation = embedded_cloud.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName=stack_name("misfit"))["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    [why] = [reason for reason in reasons if "MigrationFailed" in reason]
    assert "the pipeline attendance does not fit:\n" in why
    mistake = (
        "examples/attendance/__init__.py:19: the event's presence is not a column of the table attendance"
    )
    assert mistake in why
    said = str(failed.value).splitlines()
    assert said[1:3] == ["  MigrationFailed: the pipeline attendance does not fit:", f"  {mistake}"]
    assert len(said) == 4, "and the column that the table requires; nothing of the rollback"


def test_the_tutorials_commands_do_what_it_says(
    both: Deployment, environment: dict[str, str], tmp_path: Path
) -> None:
    tutorial.follow(tmp_path, tutorial.STEPS)
    deploying, looking = (section for section in tutorial.sections() if section[0] in "45")

    def run(commands: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    [publish_some] = tutorial.commands(deploying)
    published = run(publish_some)
    assert "published 3, bad and left out 1" in published.stdout
    assert "Invalid enum value 'lost'" in published.stderr

    wait_for(lambda: both.commands.run(Status(pipeline="library-loans")).stored == 3)
    look, rebuild = tutorial.commands(looking)
    said = run(look)
    assert "student_id=ada barcode=b1 action=returned" in said.stdout
    assert re.search(r"b2\W+bo\W+borrowed", said.stdout), "b1 is back"
    assert "barcode,loans,last_at\n" in said.stdout
    assert "book_loans: 2 rows made from 3 events" in run(rebuild).stdout
