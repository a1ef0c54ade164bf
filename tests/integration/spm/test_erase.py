"""``spm erase`` as a process: the plan, the certificate, failed records, a restore, and who comes back."""

import base64
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from processor.commands.query import Query
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.integration.spm.test_replay import sql
from tests.support import Deployment


@pytest.fixture
def gone() -> str:
    return f"gone-{uuid.uuid4().hex[:8]}"


def event(student: str, **members: Any) -> bytes:
    return json.dumps({"student_id": student, "event_type": "quiz", "score": 7.5, **members}).encode()


def stored(deployed: Deployment, student: str) -> int:
    return len(deployed.commands.run(Query("student", {"student_id": student})).rows)


def send(deployed: Deployment, student: str) -> None:
    """Send two events and a record that is rejected, and wait until they are stored."""
    before = stored(deployed, student)
    sent = [event(student), event(student), event(student, score="seven")]
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, iter([Entry(e, "key") for e in sent])):
        pass
    deadline = time.monotonic() + 120
    while stored(deployed, student) < before + 2:
        assert time.monotonic() < deadline, "the events are not stored"
        time.sleep(0.1)


def give_up(deployed: Deployment, *students: str) -> str:
    """Put two versions of an object into the bucket, as Lambda does; return its key."""
    first = time.time_ns()
    records = [
        {
            "eventID": f"shardId-000000000009:{first + place}",
            "eventSourceARN": deployed.stack.stream_arn,
            "kinesis": {
                "sequenceNumber": str(first + place),
                "approximateArrivalTimestamp": time.time(),
                "data": base64.b64encode(event(student)).decode(),
            },
        }
        for place, student in enumerate(students)
    ]
    key = f"aws/lambda/erase/{first}"
    for _ in range(2):
        deployed.aws.s3.put_object(
            Bucket=deployed.stack.bucket_name,
            Key=key,
            Body=json.dumps({"payload": json.dumps({"Records": records})}).encode(),
        )
    return key


def versions(deployed: Deployment, key: str) -> list[str]:
    answer = deployed.aws.s3.list_object_versions(Bucket=deployed.stack.bucket_name, Prefix=key)
    return [item["VersionId"] for item in answer.get("Versions", [])]


def test_a_student_is_erased_and_a_certificate_says_so(spm: Spm, deployed: Deployment, gone: str) -> None:
    other = f"other-{gone}"
    send(deployed, gone)
    key = give_up(deployed, gone, other)
    theirs = give_up(deployed, other)
    planned = json.loads(spm("erase", gone, "--dry-run", "--json").stdout)
    assert planned["rows"]["student_performance"] == 2
    assert planned["rows"]["rejected_event"] == 1
    assert planned["failed_record_versions"] == 2
    assert stored(deployed, gone) == 2

    result = spm("erase", gone, "--yes", "--json")
    assert result.returncode == 0, result.stderr
    certificate = json.loads(result.stdout)
    planned["rows"].pop("access_log")  # checking whether events are stored adds rows there
    assert certificate["removed"].items() >= planned["rows"].items()
    assert certificate["failed_record_versions"] == 2
    [erased] = certificate["students"]
    assert erased["student"] == gone
    assert [place["where"] for place in certificate["remains"] if place["until"]] == [
        f"stream {deployed.stack.stream_name}"
    ]
    assert versions(deployed, key) == []
    assert len(versions(deployed, theirs)) == 2
    assert (stored(deployed, gone), stored(deployed, other)) == (0, 1)

    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, iter([Entry(event(gone), "key")])):
        pass
    replayed = spm("replay", "stream", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["erased"] >= 3
    assert stored(deployed, gone) == 0
    assert json.loads(spm("status", "--json").stdout)["failed_objects"] >= 1
    spm("replay", "failed", "--remove")
    assert json.loads(spm("status", "--json").stdout)["failed_objects"] == 0  # tombstones do not count


def test_a_person_reads_what_there_is_and_what_remains(
    spm: Spm, deployed: Deployment, gone: str, tmp_path: Path
) -> None:
    send(deployed, gone)
    file = tmp_path / "leavers.txt"
    file.write_text(f"{gone}\n\n  nobody-{gone}  \n")
    refused = spm("erase", "--file", str(file), stdin="n\n")
    assert refused.returncode == 1
    assert "Erase 2 students from StudentPerformance-test permanently?" in refused.stderr
    assert stored(deployed, gone) == 2
    done = spm("erase", "--file", str(file), stdin="y\n")
    assert done.returncode == 0, done.stderr
    assert f"  {gone}\n    tombstone " in done.stdout
    assert "  nobody-" in done.stdout
    assert "Remains\n" in done.stdout
    assert stored(deployed, gone) == 0


def test_after_a_restore_and_after_coming_back(spm: Spm, deployed: Deployment, gone: str) -> None:
    send(deployed, gone)
    assert spm("erase", gone, "--yes").returncode == 0
    sql(deployed, "DELETE FROM tombstone")
    sql(deployed, "UPDATE erasure SET epoch = epoch - 1")
    send(deployed, gone)
    again = spm("erase", "--again", "--yes")
    assert again.returncode == 0, again.stderr
    assert gone in again.stdout
    assert stored(deployed, gone) == 0
    found = re.search(r"(\d+) students? to erase again", again.stderr)
    assert found
    assert sql(deployed, "SELECT count(mark) FROM tombstone") == [(int(found[1]),)]
    lifted = json.loads(spm("erase", "--lift", gone, "--json").stdout)["lifted"]
    assert len(lifted) == 1
    send(deployed, gone)
    assert stored(deployed, gone) == 2
    assert "came back later" in spm("erase", "--again", "--yes").stderr
    assert stored(deployed, gone) == 2


@pytest.mark.parametrize(
    "arguments", [[], ["--again", "somebody"], ["--again", "--lift"], ["--file", "not-there.txt"]]
)
def test_what_makes_no_sense_is_refused(spm: Spm, arguments: list[str]) -> None:
    result = spm("erase", *arguments)
    assert result.returncode == 2
    assert "name students" in result.stderr or "not-there.txt cannot be read" in result.stderr
