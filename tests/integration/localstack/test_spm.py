"""``spm`` on LocalStack: the same commands as on the embedded cloud, found by AWS_ENDPOINT_URL alone."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from spm.term import generate
from tests.integration.localstack.checkout import Checkout
from tests.integration.localstack.cloud import SHARED, Cloud, Environment
from tests.integration.localstack.events import stored, wait_for_rows

pytestmark = pytest.mark.localstack


def test_publish_look_and_repair(cloud: Cloud, environment: Environment, tmp_path: Path) -> None:
    suffix = SHARED["environmentSuffix"]

    def spm(*arguments: str) -> list[Any]:
        # 1 says that something needs attention: other tests leave failed records in the bucket.
        command = f"spm {shlex.join(arguments)} --json --suffix {suffix} 2>spm.log || test $? = 1"
        output = Checkout(tmp_path, cloud.checkout.environment).run("sh", "-c", command)
        return [json.loads(line) for line in output.splitlines()]

    events = list(generate(60, 5, seed=60))
    for event in events:
        event["student_id"] = "spm-1"
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in events))

    [receipt] = spm("publish", str(file), "--strict")
    assert receipt["published"] == 60
    wait_for_rows(cloud, events, seconds=60)
    [receipt] = spm("publish", str(file), "--strict")
    assert receipt["published"] == 60
    assert len(stored(cloud, environment, events)) == 60

    [rows] = spm("query", "students", "--fresh", "--student", "spm-1")
    assert [row["events"] for row in rows] == [60]
    tail = spm("tail", "--student", "spm-1", "-n60", "--no-follow")
    assert [row["student_id"] for row in tail] == ["spm-1"] * 60
    [health] = spm("status")
    assert (health["shards"], health["mapping"]) == (2, "Enabled")
    assert health["database"]["stored"] >= 60
    [replay] = spm("replay", "stream", "--dry-run")
    assert replay["stored"] >= 120
    [rejected] = spm("rejected", "list")
    assert all(row["reason"] for row in rejected)
    [migrated] = spm("migrate")
    assert migrated["applied"] == []
