"""``trace`` tells where an event is: stored, rejected, expired, erased, on its way, or nowhere."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from processor.commands.trace import SentRecord, Trace, TraceAnswer
from processor.errors import CommandError
from processor.records import kpl
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.test_tombstones import GONE, bury
from tests.integration.processor.world import ARRIVAL, STREAM, World, event, record

ID = UUID(int=7)
SHARD = "shardId-000000000000"
BROKEN = json.dumps({"event_id": str(ID).upper(), "student_id": "ada"}).encode()


async def trace(world: World, **wanted: Any) -> TraceAnswer:
    return await Trace(**wanted).run(Session(world.owner), Settings("none"))


def sent(number: int, data: bytes) -> SentRecord:
    arrived_at = datetime.fromtimestamp(ARRIVAL, UTC)
    return SentRecord(STREAM, SHARD, record(number)["kinesis"]["sequenceNumber"], arrived_at, data)


async def test_a_stored_event_is_found_by_its_id_and_by_its_delivery(world: World) -> None:
    await world.deliver([record(7, event(7, event_id=str(ID)))])
    [stored] = (await trace(world, event_id=ID)).events
    assert (stored.state, stored.pipeline, stored.shard_id) == ("stored", "student-performance", SHARD)
    assert stored.stored_at is not None
    assert (await trace(world, shard_id=SHARD, sequence_number=stored.sequence_number)).events == [stored]
    assert (await trace(world, shard_id="shardId-1", sequence_number=stored.sequence_number)).events == []


async def test_each_event_of_an_aggregated_record_is_found(world: World) -> None:
    whole = kpl.aggregate([("key", event(number, event_id=str(UUID(int=number)))) for number in (6, 7, 8)])
    await world.deliver([record(1, whole)])
    [stored] = (await trace(world, event_id=ID)).events
    assert stored.sub_sequence == 1
    place = {"shard_id": SHARD, "sequence_number": stored.sequence_number}
    assert [e.sub_sequence for e in (await trace(world, **place)).events] == [0, 1, 2]
    assert (await trace(world, **place, sub_sequence=1)).events == [stored]


async def test_a_rejected_event_is_found_by_the_id_in_its_bytes_however_it_is_written(world: World) -> None:
    await world.deliver([record(1, BROKEN), record(2, b"{" + ID.hex.encode()), record(3, b"{}")])
    found = (await trace(world, event_id=ID)).events
    assert {(e.state, e.reason) for e in found} == {("rejected", "missing_member"), ("rejected", "not_json")}
    [first] = (await trace(world, shard_id=SHARD, sequence_number=found[0].sequence_number)).events
    assert first == found[0]


async def test_what_was_stored_and_dropped_has_expired(world: World) -> None:
    await world.deliver([record(7)])
    await world.owner.execute("SELECT close_months('student_performance', '2026-12-01')")
    await world.owner.execute("SELECT drop_month('student_performance', '2026-11-01')")
    [expired] = (await trace(world, event_id=ID)).events
    assert (expired.state, expired.kept_from, expired.stored_at) == ("expired", date(2026, 12, 1), None)
    assert (await trace(world, event_id=UUID(int=8), judged=sent(8, event(8)))).fate == "expired"


async def test_a_record_that_is_not_stored_yet_is_judged(world: World) -> None:
    assert (await trace(world, event_id=ID)) == TraceAnswer([], None)
    assert (await trace(world, event_id=ID, judged=sent(7, event(7)))).fate == "waiting"
    assert (await trace(world, event_id=ID, judged=sent(7, BROKEN))).fate == "rejected"
    of_erased = sent(7, event(7, student_id=GONE))
    assert (await trace(world, event_id=ID, judged=of_erased)).fate == "waiting"
    await bury(world, GONE)
    assert (await trace(world, event_id=ID, judged=of_erased)).fate == "erased"
    others = kpl.aggregate([("key", event(6, student_id=GONE)), ("key", event(7))])
    assert (await trace(world, event_id=ID, judged=sent(7, others))).fate == "waiting"


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"shard_id": SHARD},
        {"event_id": ID, "shard_id": SHARD, "sequence_number": "1"},
    ],
)
async def test_an_id_or_a_delivery_has_to_be_given(world: World, wanted: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="give an event_id, or a shard_id with a sequence_number"):
        await trace(world, **wanted)
