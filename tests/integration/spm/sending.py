"""Sends events to a deployed stack, and waits until they are stored."""

import json
import time

from processor.commands.query import Query
from spm.publishing.put_records import Entry, publish
from tests.support import Deployment


def send(deployed: Deployment, *events: dict[str, object]) -> None:
    entries = (Entry(json.dumps(event).encode(), "key") for event in events)
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, entries):
        pass


def wait_for(deployed: Deployment, student_id: str, count: int) -> None:
    deadline = time.monotonic() + 180
    while True:
        answer = deployed.commands.run(Query("student", {"student_id": student_id}))
        if len(answer.rows) >= count:
            return
        assert time.monotonic() < deadline, f"{len(answer.rows)} of {count} events"
        time.sleep(0.1)
