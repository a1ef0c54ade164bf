"""``spm retention``."""

import base64
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.spm.conftest import Spm
from tests.integration.spm.sending import send, wait_for
from tests.support import Deployment


def test_a_wrong_month_is_one_line(spm: Spm) -> None:
    result = spm("retention", "--older-than", "last year")
    assert result.returncode == 2
    assert "last year is not a month" in result.stderr
    assert "2025-09" in result.stderr
    assert "regex" not in result.stderr


def test_retention_shows_asks_and_drops_whole_months(spm: Spm, deployed: Deployment, tmp_path: Path) -> None:
    """The event is of February 1990, long before all others; publishing it again makes a duplicate."""
    event_id = str(uuid.uuid4())
    event = {
        "student_id": event_id,
        "event_type": "x",
        "event_id": event_id,
        "timestamp": "1990-02-03T00:00:00Z",
    }
    data = json.dumps(event).encode()
    record = {
        "kinesis": {
            "sequenceNumber": "1",
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": datetime(1990, 2, 3, tzinfo=UTC).timestamp(),
        },
        "eventID": f"shardId-{uuid.uuid4().hex[:12]}:1",
        "eventSourceARN": deployed.stack.stream_arn,
    }
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"Records": [record]}))
    assert spm("replay", "file", str(file)).returncode == 0

    def months() -> list[str]:
        partitions = json.loads(spm("status", "--json").stdout)["database"]["partitions"]
        return [partition["month"] for partition in partitions]

    kept = [month for month in months() if month != "1990-02"]
    planned = json.loads(spm("retention", "--older-than", "1991-01", "--dry-run", "--json").stdout)
    assert [held["month"] for held in planned["tables"][0]["months"]] == ["1990-02"]
    refused = spm("retention", "--older-than", "1991-01", stdin="n\n")
    assert refused.returncode == 1
    assert "1990-02" in refused.stdout
    assert "1990-02" in months()
    dropped = spm("retention", "--older-than", "1991-01", "--yes", "--json")
    assert json.loads(dropped.stdout)["dropped"] is True
    assert months() == kept

    published = spm("publish", "-", stdin=json.dumps(event))
    assert (published.returncode, published.stdout) == (0, "published 1, bad and left out 0\n")
    assert published.stderr.splitlines()[-1].startswith("1 event happened before 1991-01, and what was")
    assert "events of dropped months (before 1991-01)" in " ".join(spm("status").stdout.split())
    send(deployed, {"student_id": f"{event_id}-marker", "event_type": "end"})
    wait_for(deployed, f"{event_id}-marker", 1)  # with one shard, the ones before it were read too
    assert spm("student", event_id).returncode == 1
