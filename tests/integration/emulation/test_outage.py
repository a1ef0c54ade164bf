"""When the database hangs, the stack's own alarm reaches a subscribed queue, and nothing is lost."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud
from tests.support import process_of
from tests.waiting import wait_until

pytestmark = pytest.mark.long

EVENTS = 20


@contextmanager
def hanging(cloud: EmbeddedCloud) -> Iterator[None]:
    """Freeze every process of the database server, as if its host were overloaded or cut off."""
    postgres = process_of(cloud.database.program)
    frozen = [process.pid for process in (postgres, *postgres.children(recursive=True))]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


async def test_an_outage_alarms_and_loses_nothing(embedded_cloud: EmbeddedCloud) -> None:
    context = {"processorTimeoutSeconds": "10", "alarmIteratorAgeSeconds": "5", "retryAttempts": "100"}
    outputs = embedded_cloud.deploy("outage", context)
    cloud = embedded_cloud.client
    queue = cloud("sqs").create_queue(QueueName="outage-alarms")["QueueUrl"]
    cloud("sns").subscribe(
        TopicArn=outputs["AlarmTopicArn"],
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{embedded_cloud.region}:000000000000:outage-alarms",
    )
    messages: set[tuple[str, str]] = set()

    def has_alarmed() -> bool:
        for message in (
            cloud("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ):
            alarm = json.loads(json.loads(message["Body"])["Message"])
            messages.add((alarm["AlarmName"], alarm["NewStateValue"]))
        return ("student-performance-outage-iterator-age", "ALARM") in messages

    with hanging(embedded_cloud):
        for number in range(EVENTS):
            event = {"student_id": f"s{number}", "event_type": "quiz"}
            cloud("kinesis").put_record(
                StreamName=outputs["KinesisStreamName"],
                Data=json.dumps(event).encode(),
                PartitionKey=event["student_id"],
            )
        # The age has to be too high in two periods of a minute, as on AWS, and the first may just have begun.
        wait_until(has_alarmed, "the alarm's messages", seconds=200)

    connection = await asyncpg.connect(embedded_cloud.database.dsn("studentdata_outage"))
    try:
        deadline = time.monotonic() + 60
        query = "SELECT count(*) FROM student_performance"
        while (stored := await connection.fetchval(query)) < EVENTS:
            assert time.monotonic() < deadline, f"only {stored} of {EVENTS} events are stored"
            time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs on this loop
        assert stored == EVENTS
    finally:
        await connection.close()
