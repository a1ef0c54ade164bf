"""``spm replay`` brings failed records back with their identity, and a second time changes nothing."""

import asyncio
import base64
import json
import subprocess
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment, deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.long  # this module deploys its own environment

GOOD = 40


@pytest.fixture(scope="module")
def fragile(embedded_cloud: EmbeddedCloud) -> Deployment:
    """An environment of this module, whose mapping gives up at once."""
    return deploy(embedded_cloud, f"replay-{uuid.uuid4().hex[:6]}", retryAttempts="0")


@pytest.fixture
def run(spm: Spm, fragile: Deployment) -> Callable[..., Any]:
    """Run a command against that environment and return its JSON output."""

    def call(*arguments: str, code: int = 0) -> Any:
        result = spm(*arguments, "--json", "--suffix", fragile.suffix)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)

    return call


def sql(deployment: Deployment, statement: str, *arguments: object) -> list[Any]:
    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(deployment.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def contents(deployment: Deployment) -> list[Any]:
    return [
        sql(deployment, "SELECT t::text FROM student_performance t ORDER BY 1"),
        sql(deployment, "SELECT t::text FROM rejected_event t ORDER BY 1"),
    ]


def scores(deployment: Deployment, student: str) -> list[float]:
    statement = "SELECT score FROM student_performance WHERE student_id = $1 ORDER BY score"
    return [row[0] for row in sql(deployment, statement, student)]


def send(deployment: Deployment, student: str) -> None:
    events = [{"student_id": student, "event_type": "quiz", "score": n} for n in range(GOOD)]
    entries = [Entry(json.dumps(event).encode(), student) for event in events]
    for _ in publish(
        deployment.aws.kinesis, deployment.stack.stream_name, [*entries, Entry(b"bad", student)]
    ):
        pass


def objects(deployment: Deployment) -> list[str]:
    answer = deployment.aws.s3.list_objects_v2(Bucket=deployment.stack.bucket_name)
    return [item["Key"] for item in answer.get("Contents", [])]


def failed_records(deployment: Deployment) -> int:
    count = 0
    for key in objects(deployment):
        body = deployment.aws.s3.get_object(Bucket=deployment.stack.bucket_name, Key=key)["Body"].read()
        count += int(json.loads(body)["KinesisBatchInfo"]["batchSize"])
    return count


def test_what_lambda_gave_up_on_comes_back_once(fragile: Deployment, run: Callable[..., Any]) -> None:
    student = uuid.uuid4().hex[:12]
    sql(fragile, "ALTER TABLE rejected_event RENAME TO not_there")
    try:
        send(fragile, student)
        wait_until(
            lambda: failed_records(fragile) > 0 and status_settles(fragile),
            "failed records in the bucket",
            seconds=180,
        )
    finally:
        sql(fragile, "ALTER TABLE not_there RENAME TO rejected_event")
    lost = failed_records(fragile)
    before = contents(fragile)

    dry = run("replay", "failed", "--dry-run")
    assert (dry["records"], dry["rejected"]) == (lost, 1)
    assert contents(fragile) == before

    first = run("replay", "failed")
    assert first["records"] == lost
    assert first["stored"] + first["duplicates"] + first["rejected"] == lost
    assert scores(fragile, student) == list(range(GOOD))
    assert sql(fragile, "SELECT payload FROM rejected_event") == [(b"bad",)]

    after = contents(fragile)
    second = run("replay", "failed", "--remove")
    assert (second["stored"], second["rejected"]) == (0, 0)
    assert contents(fragile) == after
    assert objects(fragile) == []
    assert run("replay", "failed")["records"] == 0


def status_settles(deployment: Deployment) -> bool:
    """Tell whether everything that was sent is either stored or in the bucket."""
    return failed_records(deployment) + len(sql(deployment, "SELECT FROM student_performance")) >= GOOD + 1


def test_a_time_of_the_stream_changes_nothing_when_it_was_stored(
    fragile: Deployment, run: Callable[..., Any]
) -> None:
    student = uuid.uuid4().hex[:12]
    start = datetime.now(UTC).isoformat()
    send(fragile, student)
    wait_until(lambda: len(scores(fragile, student)) == GOOD, "the events", seconds=180)
    before = contents(fragile)
    dry = run("replay", "stream", "--from", start, "--dry-run")
    assert (dry["records"], dry["stored"], dry["rejected"]) == (GOOD + 1, GOOD, 1)
    done = run("replay", "stream", "--from", start)
    assert (done["records"], done["stored"], done["rejected"]) == (GOOD + 1, 0, 0)
    assert run("replay", "stream", "--to", "2020-01-01T00:00:00Z")["records"] == 0
    assert contents(fragile) == before


def test_status_counts_the_duplicates_of_a_replay(
    fragile: Deployment, environment: dict[str, str], embedded_cloud: EmbeddedCloud, tmp_path: Path
) -> None:
    state = tmp_path / "cloud.json"
    embedded_cloud.write_state(state)
    own = {name: value for name, value in environment.items() if not name.startswith("AWS_")}

    def run(*arguments: str) -> Any:
        command = ["spm", *arguments, "--json", "--suffix", fragile.suffix]
        result = subprocess.run(
            command, env=own | {"SPM_CLOUD_FILE": str(state)}, capture_output=True, text=True, check=False
        )
        return json.loads(result.stdout)

    before = run("status")["duplicates"]
    done = run("replay", "stream")
    assert done["duplicates"] > 0
    wait_until(lambda: run("status")["duplicates"] == before + done["duplicates"], "the metric", seconds=180)


def test_a_file_of_lambda_events_is_stored_with_its_identity(
    fragile: Deployment, run: Callable[..., Any], tmp_path: Path
) -> None:
    student = uuid.uuid4().hex[:12]
    record = {
        "kinesis": {
            "sequenceNumber": "777",
            "data": base64.b64encode(b'{"student_id": "s", "event_type": "x"}').decode(),
            "approximateArrivalTimestamp": 1790000000.5,
        },
        "eventID": f"shardId-{student}:777",
        "eventSourceARN": fragile.stack.stream_arn,
    }
    file = tmp_path / "events.json"
    file.write_text(json.dumps({"Records": [record]}))
    assert run("replay", "file", str(file))["stored"] == 1
    assert run("replay", "file", str(file))["stored"] == 0
    statement = """SELECT sequence_number, arrived_at FROM student_performance
                   JOIN event_source ON event_source.id = source_id WHERE shard_id = $1"""
    ((number, arrived_at),) = sql(fragile, statement, f"shardId-{student}")
    assert (number, arrived_at.timestamp()) == ("777", 1790000000.5)


@pytest.mark.parametrize("content", ["nonsense", "{}", '{"Records": [{"kinesis": {}}]}', '{"payload": "x"}'])
def test_a_file_without_records_is_one_line(spm: Spm, tmp_path: Path, content: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    result = spm("replay", "file", str(file))
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"spm: {file}")
