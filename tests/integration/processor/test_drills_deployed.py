"""Drills on the deployed stack: events keep coming while the function dies, PostgreSQL is down and the
password is rotated. Every event is stored once, as it was sent."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud
from processor.commands.status import Status
from spm.publishing.put_records import Entry, publish
from spm.term import NativeEvent, generate
from tests.support import Deployment, deploy, kill_workers

pytestmark = pytest.mark.long

DOWN_SECONDS = 20.0


@pytest.fixture
def cloud() -> Iterator[EmbeddedCloud]:
    """A cloud of this test's own, because the test stops its PostgreSQL."""
    with EmbeddedCloud(keep_files=True) as cloud:
        cloud.start_runner()
        yield cloud


def send(to: Deployment, events: list[NativeEvent]) -> None:
    entries = (Entry(json.dumps(event).encode(), event["student_id"]) for event in events)
    assert sum(len(batch) for batch in publish(to.aws.kinesis, to.stack.stream_name, entries)) == len(events)


async def stored(deployment: Deployment) -> dict[uuid.UUID, tuple[Any, ...]]:
    """Return every row by its event_id; fail if an event_id is there twice."""
    connection = await asyncpg.connect(deployment.dsn)
    rows = await connection.fetch(
        "SELECT event_id, student_id, event_type, score, occurred_at, metadata::text FROM student_performance"
    )
    await connection.close()
    found = {row["event_id"]: (*tuple(row)[1:5], json.loads(row["metadata"])) for row in rows}
    assert len(found) == len(rows)
    return found


def as_sent(events: list[NativeEvent]) -> dict[uuid.UUID, tuple[Any, ...]]:
    return {
        uuid.UUID(event["event_id"]): (
            event["student_id"],
            event["event_type"],
            event.get("score"),
            datetime.fromisoformat(event["timestamp"]),
            event["metadata"],
        )
        for event in events
    }


async def wait_for(deployment: Deployment, events: list[NativeEvent], seconds: float) -> None:
    """Wait until the table holds exactly these events."""
    expected = as_sent(events)
    deadline = time.monotonic() + seconds
    while len(found := await stored(deployment)) < len(expected):
        assert time.monotonic() < deadline, f"{len(found)} of {len(expected)} events were stored"
        await asyncio.sleep(0.2)
    assert found == expected


async def rotate(cloud: EmbeddedCloud, deployment: Deployment, *, finish: bool) -> None:
    """Do what Secrets Manager's rotation does: set the pending password, then make it the current one."""
    secrets = cloud.client("secretsmanager")
    configuration = deployment.aws.functions.get_function_configuration(
        FunctionName=deployment.stack.processor_name
    )
    arn = configuration["Environment"]["Variables"]["DB_SECRET_ARN"]
    if not finish:
        login = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
        login["password"] = uuid.uuid4().hex
        version = secrets.put_secret_value(
            SecretId=arn, SecretString=json.dumps(login), VersionStages=["AWSPENDING"]
        )
        assert version["VersionId"]
        connection = await asyncpg.connect(deployment.dsn)
        await connection.execute(f"ALTER ROLE \"{login['username']}\" PASSWORD '{login['password']}'")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", login["username"]
        )
        await connection.close()
        return
    pending = secrets.get_secret_value(SecretId=arn, VersionStage="AWSPENDING")["SecretString"]
    secrets.put_secret_value(SecretId=arn, SecretString=pending)


async def publish_while(
    deployment: Deployment, events: list[NativeEvent], condition: Callable[[], bool]
) -> int:
    """Publish in small steps while the condition holds; return how many were sent."""
    at = 0
    while condition() and at < len(events):
        await asyncio.to_thread(send, deployment, events[at : at + 50])
        at += 50
        await asyncio.sleep(0.1)
    return at


async def test_deaths_downtime_and_rotation_under_load_lose_nothing_and_double_nothing(
    cloud: EmbeddedCloud,
) -> None:
    deployment = deploy(cloud, "drill")
    events = list(generate(30_000, 100, seed=11))

    # Functions die in the middle of their batches.
    send(deployment, events[:6_000])
    killed = 0
    for _ in range(5):
        await asyncio.sleep(0.05)
        killed += kill_workers(cloud)
    assert killed > 0
    await wait_for(deployment, events[:6_000], 60)

    # PostgreSQL is down for 20 s while events keep coming.
    server = cloud.database.program
    assert server is not None
    await asyncio.to_thread(server.stop)
    back = time.monotonic() + DOWN_SECONDS
    sent = 6_000 + await publish_while(deployment, events[6_000:], lambda: time.monotonic() < back)
    assert sent > 8_000
    await asyncio.to_thread(cloud.database.launch, cloud.database.port)
    await wait_for(deployment, events[:sent], 60)

    # The password is rotated in the middle of the stream.
    send(deployment, events[sent : sent + 1_000])
    await rotate(cloud, deployment, finish=False)
    send(deployment, events[sent + 1_000 : sent + 2_000])
    await wait_for(deployment, events[: sent + 2_000], 60)
    await rotate(cloud, deployment, finish=True)
    send(deployment, events[sent + 2_000 : sent + 3_000])
    await wait_for(deployment, events[: sent + 3_000], 60)

    # Nothing ended in the bucket for failed records.
    bucket = deployment.stack.bucket_name
    assert deployment.aws.s3.list_objects_v2(Bucket=bucket).get("KeyCount", 0) == 0
    assert deployment.commands.run(Status()).rejected == 0
