"""Whatever bytes arrive, the good records of the batch are stored in the same invocation."""

import json
import math
import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from processor import batch
from processor.errors import ConfigurationError
from processor.storage.connection import Deadline
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import LENIENT, World, connection_of, event, record, records

DEEP = b'{"student_id":"s","event_type":"e","metadata":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not_json"),
    "not UTF-8": (b"\xff\xfe{}", "not_utf8"),
    "not JSON": (b"student,score", "not_json"),
    "an array": (b"[1]", "not_an_object"),
    "wrong type": (event(1, score="87"), "invalid_member"),
    "missing member": (event(1, student_id=...), "missing_member"),
    "empty member": (event(1, student_id=""), "invalid_member"),
    "too long member": (event(1, event_type="x" * 51), "invalid_member"),
    "NaN": (event(1, score=math.nan), "not_json"),
    "Infinity": (event(1, score=math.inf), "not_json"),
    "beyond double": (b'{"student_id":"s","event_type":"e","score":1e999}', "invalid_member"),
    "no offset": (event(1, timestamp="2026-11-22T12:00:00"), "invalid_member"),
    "before all time": (event(1, timestamp="0001-01-01T00:00:00+14:00"), "invalid_member"),
    "duplicate member": (b'{"student_id":"s","student_id":"t","event_type":"e"}', "duplicate_member"),
    "too deep": (DEEP, "too_deep"),
    "lone surrogate": (event(1, student_id="\ud800"), "lone_surrogate"),
    "lone surrogate in metadata": (event(1, metadata={"a": ["\udfff"]}), "lone_surrogate"),
    "NUL": (event(1, student_id="a\x00"), "null_character"),
    "NUL in metadata": (event(1, metadata={"a": ["\x00"]}), "null_character"),
    "NUL in a name of metadata": (event(1, metadata={"\x00": 1}), "null_character"),
    "a number too long for jsonb": (
        b'{"student_id":"s","event_type":"e","metadata":{"n":' + b"9" * 140_000 + b"}}",
        "number_too_long",
    ),
    "a megabyte of nothing": (b"\x00" * 1_048_576, "not_json"),
    "a broken aggregate": (b"\xf3\x89\x9a\xc2 cut", "broken_aggregate"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_record_is_kept_whole_and_the_others_are_stored(world: World, kind: str) -> None:
    data, reason = BAD[kind]
    outcome = await world.deliver([record(1), record(2, data), record(3)])
    assert (outcome.saved.stored, outcome.saved.rejected) == (2, {reason: 1})
    [row] = await world.owner.fetch("SELECT * FROM rejected_event")
    assert (row["reason"], row["payload"], row["sequence_number"]) == (reason, data, f"{2:056d}")
    assert row["detail"]
    assert outcome.first_deferred is None


async def test_what_does_not_decode_from_base64_keeps_its_text(world: World) -> None:
    await world.deliver([record(1), record(2, text="not base64!")])
    [row] = await world.owner.fetch("SELECT reason, payload FROM rejected_event")
    assert tuple(row) == ("not_base64", b"not base64!")
    assert await world.count("student_performance") == 1


async def test_all_kinds_at_once_leave_every_good_record_stored(world: World, clean_world: World) -> None:
    good = records(range(1000, 1500))
    bad = [record(number, data) for number, (data, _) in enumerate(BAD.values())]
    mixed = sorted(good + bad, key=lambda _: random.random())  # noqa: S311 - any order will do
    outcome = await world.deliver(mixed)
    await clean_world.deliver(good)
    assert (await world.tables())["events"] == (await clean_world.tables())["events"]
    assert outcome.saved.rejected.total() == len(BAD)


async def test_a_megabyte_of_metadata_is_an_event(world: World) -> None:
    text = "x" * 1_040_000
    await world.deliver([record(1, event(1, metadata={"text": text}))])
    stored = await world.owner.fetchval("SELECT metadata->>'text' FROM student_performance")
    assert stored == text


async def test_every_user_record_of_an_aggregate_stands_for_itself(world: World) -> None:
    aggregator = RecordAggregator()
    for number in range(50):
        aggregator.add_user_record(
            "key", event(number) if number % 10 else event(number, metadata={"a": "\0"})
        )
    data = bytes(aggregator.clear_and_get().get_contents()[2])
    world.pipeline = LENIENT
    outcome = await world.deliver([record(1, data), record(2, event(100))])
    assert (outcome.saved.stored, outcome.saved.rejected) == (46, {"not_storable": 5})
    rows = await world.owner.fetch("SELECT sub_sequence FROM rejected_event ORDER BY 1")
    assert [row[0] for row in rows] == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("refused", [1, 4])
async def test_what_only_postgresql_refuses_is_named_by_copy_or_found_by_halving(
    world: World, refused: int
) -> None:
    size = 512
    world.pipeline = LENIENT
    batch = records(range(size))
    for bad in range(refused):
        number = bad * size // refused + 17
        batch[number] = record(number, event(number, metadata={"a": "\0"}))
    database = world.processor()
    await world.deliver(records([10_000]), to=database)
    statements: list[str] = []

    def note(query: Any) -> None:
        statements.append(query.query)

    (await connection_of(database)).add_query_logger(note)
    outcome = await world.deliver(batch, to=database)
    assert (outcome.saved.stored, outcome.saved.rejected) == (size - refused, {"not_storable": refused})
    trials = sum(1 for statement in statements if statement.startswith("CREATE TEMPORARY TABLE"))
    # COPY names two records, one after the other; the processor has to find the rest by halving.
    to_find = max(0, refused - 2)
    assert to_find <= trials <= 2 * to_find * (math.log2(size) + 1) + 2 * (to_find > 0)


async def test_an_event_whose_value_fits_no_column_is_rejected_and_the_others_are_stored(
    world: World,
) -> None:
    parse = SHIPPED.parser("arn:any")

    def parse_wrongly(data: bytes, arrived_at: datetime) -> Any:
        columns: Any = parse(data, arrived_at)
        return columns._replace(score="high") if columns.student_id == "student-7" else columns

    pipeline = replace(SHIPPED, parse=parse_wrongly)
    database = world.processor()
    outcome = await batch.process(pipeline, records(range(50)), database, Deadline(30))
    assert (outcome.saved.stored, outcome.saved.rejected) == (49, {"not_storable": 1})
    assert await world.owner.fetchval("SELECT payload FROM rejected_event") == event(7)


async def test_a_check_that_an_operator_added_rejects_only_what_violates_it(world: World) -> None:
    await world.owner.execute("ALTER TABLE student_performance ADD CONSTRAINT sane CHECK (score < 50)")
    outcome = await world.deliver([record(n, event(n, score=float(n))) for n in (1, 49, 50, 51)])
    assert (outcome.saved.stored, outcome.saved.rejected) == (2, {"not_storable": 2})
    detail = await world.owner.fetchval("SELECT detail FROM rejected_event LIMIT 1")
    assert 'violates check constraint "sane"' in detail


async def test_a_refused_record_delivered_twice_in_a_batch_adds_up(world: World) -> None:
    world.pipeline = LENIENT
    refused = record(1, event(1, metadata={"a": "\0"}))
    outcome = await world.deliver([refused, record(2), refused])
    assert outcome.received == 3
    assert (outcome.saved.stored, outcome.saved.duplicates, outcome.saved.rejected) == (
        1,
        1,
        {"not_storable": 1},
    )


async def test_a_month_that_was_dropped_meanwhile_is_made_again(world: World) -> None:
    database = world.processor()
    await world.deliver(records([1]), to=database)
    await world.owner.execute("SELECT drop_month('student_performance', '2026-11-01')")
    outcome = await world.deliver(records([2]), to=database)
    assert outcome.saved.stored == 1
    assert await world.count("rejected_event") == 0


async def test_a_defect_is_raised_and_nothing_is_quarantined(world: World) -> None:
    await world.owner.execute("ALTER TABLE student_performance RENAME COLUMN score TO mark")
    with pytest.raises(ConfigurationError, match="student_performance has no column score"):
        await world.deliver(records([1]))
    assert await world.count("rejected_event") == 0


async def test_metadata_is_stored_as_it_was_sent(world: World) -> None:
    metadata = {"nested": [{"a": None}], "text": "é\U0001f600", "number": 1.5}
    await world.deliver([record(1, event(1, metadata=metadata, extra=True))])
    stored = json.loads(await world.owner.fetchval("SELECT metadata FROM student_performance"))
    assert stored == metadata | {"extra": True}
