"""``spm trace`` for events that wait, are stored, rejected, given up, expired, erased or were never sent."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud
from processor.storage.tombstones import read_tombstones
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment

Trace = Callable[[str, int], dict[str, Any]]


@pytest.fixture
def trace(spm: Spm) -> Trace:
    def run(event: str, code: int) -> dict[str, Any]:
        done = spm("trace", event, "--json")
        assert done.returncode == code, done.stderr or done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def event(event_id: str, **members: object) -> bytes:
    whole = {"student_id": "traced", "event_type": "quiz", "event_id": event_id, **members}
    return json.dumps(whole).encode()


def send(deployed: Deployment, data: bytes) -> None:
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, [Entry(data, "traced")]):
        pass


def invocation(deployed: Deployment, data: bytes, arrived_at: datetime) -> str:
    """Return what Lambda writes into the bucket about a record, which has a shard of its own."""
    number = str(uuid.uuid4().int)
    record = {
        "kinesis": {
            "sequenceNumber": number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": arrived_at.timestamp(),
        },
        "eventID": f"shardId-000000000098:{number}",
        "eventSourceARN": deployed.stack.stream_arn,
    }
    return json.dumps({"payload": json.dumps({"Records": [record]})})


@pytest.fixture
def give_up(deployed: Deployment) -> Iterator[Callable[[bytes, datetime], str]]:
    """Return a function that puts a record among the failed ones; remove the records in the end."""
    keys: list[str] = []

    def put(data: bytes, arrived_at: datetime) -> str:
        keys.append(f"traced-{len(keys)}")
        body = invocation(deployed, data, arrived_at)
        deployed.aws.s3.put_object(Bucket=deployed.stack.bucket_name, Key=keys[-1], Body=body.encode())
        return keys[-1]

    yield put
    for key in keys:
        deployed.aws.s3.delete_object(Bucket=deployed.stack.bucket_name, Key=key)


def until(trace: Trace, event_id: str, code: int, state: str) -> dict[str, Any]:
    """Trace an event until it is in this state; before that it may only be ``waiting``."""
    deadline = time.monotonic() + 120
    while True:
        try:
            found = trace(event_id, code)
        except AssertionError:
            assert time.monotonic() < deadline, f"{event_id} is not {state} after 120 s"
            continue
        assert found["state"] == state
        return found


def test_an_event_is_followed_from_the_stream_to_its_row(
    embedded_cloud: EmbeddedCloud, deployed: Deployment, trace: Trace, spm: Spm
) -> None:
    sent = str(uuid.uuid4())
    embedded_cloud.stop_runner()
    try:
        send(deployed, event(sent))
        waiting = trace(sent, 8)
    finally:
        embedded_cloud.start_runner()
    assert (waiting["state"], waiting["events"], waiting["attempts"]) == ("waiting", [], [])
    assert "data" not in waiting["record"]

    stored = until(trace, sent, 0, "stored")
    [row] = stored["events"]
    place = waiting["record"]["shard_id"], waiting["record"]["sequence_number"]
    assert (row["shard_id"], row["sequence_number"]) == place
    assert "traced" not in json.dumps(stored), "it tells nothing of what was sent"
    assert [attempt["became"]["stored"] for attempt in stored["attempts"]][-1] >= 1
    kept = datetime.fromisoformat(stored["in_stream_until"]) - datetime.fromisoformat(row["arrived_at"])
    assert kept.total_seconds() == 24 * 3600

    assert trace("/".join(place), 0)["events"] == [row]
    shown = spm("trace", "/".join(place)).stdout
    assert shown.startswith("stored in the log of student-performance\n  position   shardId-")
    assert "attempts in the processor's log:\n  20" in shown


def test_a_rejected_event_is_found_by_the_id_in_its_bytes(
    deployed: Deployment, trace: Trace, spm: Spm
) -> None:
    sent = str(uuid.uuid4())
    send(deployed, json.dumps({"event_id": sent.upper()}).encode())
    [rejected] = until(trace, sent, 1, "rejected")["events"]
    assert rejected["reason"] == "missing_member"
    shown = spm("trace", sent).stdout
    assert "rejected by student-performance: missing_member: Object missing required field `stu" in shown
    assert f"spm rejected show {rejected['sequence_number']}" in shown


def test_a_given_up_event_is_found_in_its_object(
    trace: Trace, spm: Spm, give_up: Callable[[bytes, datetime], str]
) -> None:
    sent = str(uuid.uuid4())
    key = give_up(event(sent), datetime.now(UTC))
    failed = trace(sent, 1)
    assert (failed["state"], failed["failed_object"]) == ("failed", key)
    assert "spm replay failed sends it through the processor again" in spm("trace", sent).stdout


def test_what_arrived_in_a_dropped_month_has_expired(
    deployed: Deployment, trace: Trace, spm: Spm, tmp_path: Path, give_up: Callable[[bytes, datetime], str]
) -> None:
    """Another test of this environment may have dropped a later month, and this month with it."""
    at, late = datetime(1989, 1, 2, tzinfo=UTC), str(uuid.uuid4())
    file = tmp_path / "old.json"
    file.write_text(invocation(deployed, event(str(uuid.uuid4())), at))
    assert spm("replay", "file", str(file)).returncode == 0
    assert spm("retention", "--older-than", "1989-02", "--yes").returncode == 0
    give_up(event(late), at)
    assert trace(late, 9)["state"] == "expired"


def test_an_event_of_an_erased_student_is_erased(
    deployed: Deployment, trace: Trace, give_up: Callable[[bytes, datetime], str]
) -> None:
    student, sent = uuid.uuid4().hex, str(uuid.uuid4())

    async def bury() -> None:
        connection = await asyncpg.connect(deployed.dsn)
        tombstones = await read_tombstones(connection)
        await connection.execute("INSERT INTO tombstone (hash) VALUES ($1)", tombstones.hash_of(student))
        await connection.close()

    asyncio.run(bury())
    give_up(event(sent, student_id=student), datetime.now(UTC))
    assert trace(sent, 9)["state"] == "erased"


def test_what_nobody_sent_is_unknown(trace: Trace, spm: Spm) -> None:
    assert trace(str(uuid.uuid4()), 10) == {
        "state": "unknown",
        "events": [],
        "record": None,
        "failed_object": None,
        "in_stream_until": None,
        "attempts": [],
    }
    nothing = spm("trace", "shardId-000000000099/1")
    assert (nothing.returncode, nothing.stdout.partition(":")[0]) == (10, "unknown")
    wrong = spm("trace", "hello")
    assert (wrong.returncode, "hello is no event: give its event_id" in wrong.stderr) == (2, True)
