"""The front door on LocalStack: from a client's post to PostgreSQL."""

import gzip
import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from spm.aws.addresses import local_address
from tests.integration.localstack.checkout import Checkout
from tests.integration.localstack.cloud import Cloud
from tests.integration.localstack.events import SCHEMA
from tests.integration.portal.door import EACH_FORMAT, XAPI, DoorClient, submission, take_each_format
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack

SUFFIX = "door"
ROWS = """SELECT student_id, event_type, score FROM student_performance
          WHERE metadata->>'sender' = $1 ORDER BY event_type, student_id"""


def test_what_each_door_takes_is_stored_with_its_senders_name(cloud: Cloud, tmp_path: Path) -> None:
    environment = cloud.deploy({"environmentSuffix": SUFFIX, "ingest": "true"})

    def spm(*arguments: str) -> str:
        command = f"spm senders {shlex.join(arguments)} --suffix {SUFFIX}"
        return Checkout(tmp_path, cloud.checkout.environment).run("sh", "-c", command)

    given: dict[str, Any] = json.loads(spm("add", "school", "--json"))
    endpoint = cloud.aws_environment["AWS_ENDPOINT_URL"]
    assert given["url"] == local_address(str(environment.stack.ingest_url), endpoint)
    port = urlsplit(endpoint).port
    assert port is not None
    client = DoorClient(given["url"], port, given["name"], given["secret"])
    take_each_format(client)
    packed = gzip.compress(json.dumps(submission("s9")).encode())
    assert client.post("/xapi/statements", packed, {**XAPI, "Content-Encoding": "gzip"})[0] == 200
    status, answer = client.post("/xapi/statements", [{"id": 1}])
    assert (status, {problem["position"] for problem in answer["problems"]}) == (400, {0})
    assert client.post("/events", {}, secret="wrong")[0] == 401

    expected = sorted([*EACH_FORMAT, ("s9", "submission", 7)], key=lambda row: (row[1], row[0]))

    def stored() -> list[tuple[Any, ...]]:
        if not cloud.fetch(SCHEMA)[0]["there"]:  # the processor makes it when it first connects
            return []
        return [tuple(row.values()) for row in cloud.fetch(ROWS, "school")]

    wait_until(lambda: len(stored()) == len(expected), "what was sent", seconds=120)
    assert stored() == expected
    spm("revoke", "school")
    wait_until(lambda: client.post("/events", [])[0] == 401, "the sender to be refused", seconds=60)
