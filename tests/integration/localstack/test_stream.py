"""From the stream to the tables, everything compared with what was sent."""

import pytest

from processor.commands.status import Status
from spm.publishing.put_records import Entry
from spm.term import generate
from tests.integration.localstack.cloud import Cloud, Environment
from tests.integration.localstack.events import entries_of, expected, send, stored, wait_for_rows
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack

REJECTED = """
SELECT reason, payload FROM rejected_event JOIN event_source ON event_source.id = source_id
WHERE stream_arn = $1 AND payload = ANY($2::bytea[])
"""
BAD = {
    b"no JSON at all": "not_json",
    b"\xff\xfe": "not_utf8",
    b'["an", "array"]': "not_an_object",
    b'{"event_type": "login"}': "missing_member",
    b'{"student_id": "s", "event_type": "login", "score": "high"}': "invalid_member",
    b'{"student_id": "s", "event_type": "login", "metadata": {"note": "\\u0000"}}': "null_character",
}


def test_5000_events_over_two_shards_are_5000_rows_each_as_sent(
    cloud: Cloud, environment: Environment
) -> None:
    events = list(generate(5_000, 200, seed=5_000))
    send(environment, entries_of(events))
    wait_for_rows(cloud, events, seconds=120)
    rows = stored(cloud, environment, events)
    assert rows == expected(environment, events)
    assert len(rows) == 5_000
    assert len({row.shard_id for row in rows}) == 2


def test_bad_records_are_kept_as_sent_and_hold_back_no_good_one(
    cloud: Cloud, environment: Environment
) -> None:
    events = list(generate(300, 20, seed=300))
    entries = entries_of(events)
    for position, bad in enumerate(BAD):
        entries.insert(position * 50, Entry(bad, str(position)))
    send(environment, entries)
    wait_for_rows(cloud, events, seconds=60)
    assert stored(cloud, environment, events) == expected(environment, events)

    def kept() -> dict[bytes, str]:
        rows = cloud.fetch(REJECTED, environment.stack.stream_arn, list(BAD))
        return {row["payload"]: row["reason"] for row in rows}

    wait_until(lambda: len(kept()) == len(BAD), "the bad records", seconds=30)
    assert kept() == BAD
    status = environment.commands.run(Status())
    assert status.rejected >= len(BAD)


COMPACTED = "SELECT sum(events) AS events FROM student_course WHERE student_id = 'compacted'"


def test_the_schedule_compacts_what_was_stored(cloud: Cloud, environment: Environment) -> None:
    entry = Entry(b'{"student_id": "compacted", "event_type": "login"}', "compacted")
    send(environment, [entry] * 3)
    wait_until(lambda: cloud.fetch(COMPACTED)[0]["events"] == 3, "three compacted events", seconds=150)
