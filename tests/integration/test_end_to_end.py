"""Events that are published to the stream are compared with PostgreSQL row by row, not only counted."""

import asyncio
import json
import random
import secrets
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud
from processor.commands.migrate import Migrate
from processor.commands.status import Status
from processor.records.formats import wrapping
from processor.records.formats.event import Sender
from spm.aws.delivery import Delivered, deliver, lambda_record
from spm.aws.stream import records_of, shard_ids
from spm.publishing.put_records import Entry, publish
from spm.term import BAD_RECORDS, NativeEvent, generate
from tests.support import Deployment, deploy
from tests.unit.processor.formats.documents import grade_event, live_event, statement

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import RecordTypeDef

EVENTS = 5_000


def made_for_this_test(count: int) -> list[NativeEvent]:
    """Return events that no other test sends, with another seed each time."""
    return list(generate(count, 40, seed=random.SystemRandom().getrandbits(64)))


def send(to: Deployment, data: list[tuple[bytes, str]]) -> None:
    batches = publish(to.aws.kinesis, to.stack.stream_name, (Entry(*record) for record in data))
    assert sum(len(batch) for batch in batches) == len(data)


def as_records(events: list[NativeEvent]) -> list[tuple[bytes, str]]:
    return [(json.dumps(event).encode(), event["student_id"]) for event in events]


def read_back(from_: Deployment) -> list[tuple[str, "RecordTypeDef"]]:
    """Return every record in the stream, with its shard."""
    shards = shard_ids(from_.aws, from_.stack)
    return [(shard, record) for shard in shards for record in records_of(from_.aws, from_.stack, shard)]


async def rows(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def stored(deployment: Deployment, events: list[NativeEvent]) -> list[dict[str, Any]]:
    """Return the rows of these events in the order of their delivery, without the time they were stored."""
    found = await rows(
        deployment.dsn,
        """SELECT stream_arn, shard_id, sequence_number, sub_sequence, arrived_at, event_id, student_id,
                  event_type, score, occurred_at, metadata::text
           FROM student_performance JOIN event_source ON event_source.id = source_id
           WHERE event_id = ANY($1) ORDER BY shard_id, sequence_number, sub_sequence""",
        [uuid.UUID(event["event_id"]) for event in events],
    )
    return [dict(row) | {"metadata": json.loads(row["metadata"])} for row in found]


async def snapshot(deployment: Deployment) -> list[list[asyncpg.Record]]:
    """Return every row of every table."""
    tables = ("event_source", "student_performance", "event_identity", "rejected_event")
    return [await rows(deployment.dsn, f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]  # noqa: S608 - names of ours


async def wait_until_stored(deployment: Deployment, events: list[NativeEvent]) -> list[dict[str, Any]]:
    """Wait until all of these events are stored; return their rows."""
    deadline = time.monotonic() + 180
    while len(found := await stored(deployment, events)) < len(events):
        assert time.monotonic() < deadline, f"{len(found)} of {len(events)} events were stored"
        await asyncio.sleep(0.1)
    return found


async def wait_until_rejected(deployment: Deployment, payloads: list[bytes]) -> list[tuple[bytes, str]]:
    """Wait until all of these payloads are in rejected_event; return them with their reasons."""
    statement = "SELECT payload, reason FROM rejected_event WHERE payload = ANY($1)"
    deadline = time.monotonic() + 180
    while len(found := await rows(deployment.dsn, statement, payloads)) < len(payloads):
        assert time.monotonic() < deadline, f"{len(found)} of {len(payloads)} records were rejected"
        await asyncio.sleep(0.1)
    return [(bytes(row["payload"]), row["reason"]) for row in found]


@pytest.fixture(scope="module")
def fresh(embedded_cloud: EmbeddedCloud) -> Deployment:
    """An environment of this module's own, because its tests count whole tables."""
    return deploy(embedded_cloud, f"e2e-{uuid.uuid4().hex[:6]}")


async def test_every_published_event_is_stored_as_it_was_sent(deployed: Deployment) -> None:
    events = made_for_this_test(EVENTS)
    send(deployed, as_records(events))
    sent = {json.dumps(event, sort_keys=True): event for event in events}
    expected = []
    for shard_id, record in read_back(deployed):
        event = sent.get(as_json(record["Data"]))
        if event:
            expected.append(row_of(deployed, shard_id, record, event))
    assert len(expected) == EVENTS

    assert await wait_until_stored(deployed, events) == expected


def as_json(data: bytes) -> str:
    """Return the record in one notation, or nothing for other tests' records that are not JSON."""
    try:
        return json.dumps(json.loads(data), sort_keys=True)
    except ValueError:
        return ""


def row_of(
    deployment: Deployment, shard_id: str, record: "RecordTypeDef", event: NativeEvent
) -> dict[str, Any]:
    return {
        "stream_arn": deployment.stack.stream_arn,
        "shard_id": shard_id,
        "sequence_number": record["SequenceNumber"],
        "sub_sequence": 0,
        "arrived_at": record["ApproximateArrivalTimestamp"],
        "event_id": uuid.UUID(event["event_id"]),
        "student_id": event["student_id"],
        "event_type": event["event_type"],
        "score": event.get("score"),
        "occurred_at": datetime.fromisoformat(event["timestamp"]),
        "metadata": event["metadata"],
    }


@pytest.mark.long
async def test_the_same_records_delivered_again_change_nothing(fresh: Deployment) -> None:
    events = made_for_this_test(700)
    bad = uuid.uuid4().bytes
    send(fresh, [*as_records(events), (bad, "x")])
    await wait_until_stored(fresh, events)
    await wait_until_rejected(fresh, [bad])
    before = await snapshot(fresh)

    records = read_back(fresh)
    shard_id = records[-1][0]
    again = [lambda_record(fresh.stack, shard, record) for shard, record in records if shard == shard_id][
        -701:
    ]
    random.shuffle(again)
    for batch in (again[:400], again[300:], again):
        delivered = deliver(fresh.aws, fresh.stack, batch)
        assert delivered == Delivered(received=len(batch), stored=0, duplicates=len(batch), rejected=0)
    assert await snapshot(fresh) == before


async def test_the_same_events_published_again_are_stored_once(deployed: Deployment) -> None:
    events, marker = made_for_this_test(300), made_for_this_test(1)
    send(deployed, as_records(events))
    before = await wait_until_stored(deployed, events)
    send(deployed, as_records(events))
    send(deployed, as_records(marker))  # comes last, because one shard keeps the order
    await wait_until_stored(deployed, marker)
    assert await stored(deployed, events) == before


async def test_bad_records_do_not_hold_back_the_good_ones(deployed: Deployment) -> None:
    events = made_for_this_test(200)
    # Trailing blanks do not change the verdict or the JSON, and distinguish these records from other tests'.
    bad = [(data + b" " * secrets.randbelow(1000), reason) for data, reason in BAD_RECORDS]
    mixed = as_records(events) + [(data, "x") for data, _ in bad]
    random.shuffle(mixed)
    send(deployed, mixed)

    await wait_until_stored(deployed, events)
    assert sorted(await wait_until_rejected(deployed, [data for data, _ in bad])) == sorted(bad)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("xapi/1.0.3", ("submission", 7.0, "https://lms.example/mod/quiz/view.php?id=9")),
        ("xapi/2.0", ("submission", 7.0, "https://lms.example/mod/quiz/view.php?id=9")),
        ("caliper/1.2", ("grade", 10.0, "https://lms.example/assess/1")),
        ("canvas", ("grade", 8.0, "5")),
        ("Canvas's own record", ("grade", 8.0, "5")),
    ],
)
async def test_a_document_of_another_format_becomes_an_event(
    deployed: Deployment, form: str, expected: tuple[str, float, str]
) -> None:
    student = f"s-{secrets.token_hex(8)}"
    send(deployed, [(document_of(form, student), student)])
    query = """SELECT event_type, score, metadata->>'assessment', metadata->>'sender', metadata ? 'original'
               FROM student_performance WHERE student_id = $1"""
    deadline = time.monotonic() + 60
    while not (found := await rows(deployed.dsn, query, student)):
        assert time.monotonic() < deadline, f"no event of {student} was stored"
        await asyncio.sleep(0.1)
    sender = "canvas" if form.startswith("Canvas") else "school"
    assert [tuple(row) for row in found] == [(*expected, sender, True)]


def document_of(form: str, student: str) -> bytes:
    """Return a document about a student that nobody else has sent."""
    identity = str(uuid.uuid4())
    document: dict[str, Any]
    if form.startswith("xapi"):
        document = statement(
            id=identity,
            actor={"account": {"homePage": "https://lms.example", "name": student}},
            verb={"id": "http://activitystrea.ms/schema/1.0/submit"},
            result={"score": {"raw": 7, "min": 0, "max": 10}},
        )
    elif form.startswith("caliper"):
        document = grade_event(id=f"urn:uuid:{identity}")
        document["object"]["assignee"] = f"https://lms.example/users/{student}"
    else:
        body = {"student_id": student, "assignment_id": 5, "score": 8, "points_possible": 10}
        document = live_event("grade_change", body)
        if form.startswith("Canvas"):
            return json.dumps(
                {"attributes": document["metadata"], "body": body}, separators=(",", ":")
            ).encode()
    return wrapping.wrap(form, Sender("school"), json.dumps(document).encode())


@pytest.mark.long
async def test_migrating_again_changes_nothing(fresh: Deployment) -> None:
    catalogue = """SELECT relname, relkind::text, relacl::text FROM pg_class
                   WHERE relnamespace = 'public'::regnamespace ORDER BY relname"""
    before = await rows(fresh.dsn, catalogue)
    answer = fresh.commands.run(Migrate())
    assert answer.applied == []
    assert answer.schema_version == fresh.commands.run(Status()).schema_version > 0
    assert await rows(fresh.dsn, catalogue) == before


@pytest.mark.long
async def test_two_environments_side_by_side_do_not_see_each_other(
    fresh: Deployment, deployed: Deployment
) -> None:
    here, there = made_for_this_test(150), made_for_this_test(150)
    send(fresh, as_records(here))
    send(deployed, as_records(there))
    await wait_until_stored(fresh, here)
    await wait_until_stored(deployed, there)
    assert await stored(fresh, there) == await stored(deployed, here) == []
