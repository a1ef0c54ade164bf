"""Loans from records to reports, and columns that cannot be mixed up, whatever order an author gives them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import msgspec
import pytest

from examples.library_loans import PIPELINE, Loan
from processor import migrations
from processor.records.message import Message
from processor.student_performance import PIPELINE as SHIPPED
from spm.testing.kit import PipelineKit
from tests.integration.processor.world import World, record

LOANS = [
    ("ada", "b1", "borrowed", "2026-11-02"),
    ("ada", "b2", "borrowed", "2026-11-03"),
    ("ada", "b1", "returned", "2026-11-09"),
    ("bo", "b1", "borrowed", "2026-11-10"),
    ("bo", "b1", "renewed", "2026-11-20"),
]


def loan(student_id: str, barcode: str, action: str, day: str) -> bytes:
    members = {"student_id": student_id, "barcode": barcode, "action": action}
    return json.dumps(members | {"timestamp": f"{day}T08:00:00Z"}).encode()


RECORDS = [record(number, loan(*happened)) for number, happened in enumerate(LOANS, start=1)]


async def stored(world: World) -> list[tuple[Any, ...]]:
    sql = """
        SELECT student_id, barcode, action, occurred_at::date::text FROM library_loans ORDER BY occurred_at
    """
    return [tuple(row) for row in await world.owner.fetch(sql)]


def test_from_records_to_reports(spm_pipeline: PipelineKit) -> None:
    stored = spm_pipeline.check(PIPELINE, [loan(*happened) for happened in LOANS])
    assert [(row["barcode"], row["loans"]) for row in stored.report("books")] == [("b1", 2), ("b2", 1)]
    out = [("b1", "bo", "renewed"), ("b2", "ada", "borrowed")]
    assert [tuple(row.values())[:3] for row in stored.report("out")] == out
    assert [tuple(row.values())[:3] for row in stored.report("out", student_id="ada")] == out[1:]
    assert len(stored.report("student", student_id="ada")) == 3


@pytest.mark.parametrize("order", [*permutations(("student_id", "barcode", "action"))], ids=" ".join)
async def test_columns_cannot_be_swapped(world: World, order: Sequence[str]) -> None:
    """The order of an author's members does not matter, neither in a COPY of new events nor in a merge."""
    types = {field.name: field.type for field in msgspec.structs.fields(Loan)}
    reordered: Any = msgspec.defstruct(
        "Reordered", [(name, types[name]) for name in order], bases=(Message,), frozen=True, kw_only=True
    )
    world.pipeline = replace(PIPELINE, message=reordered)
    assert world.pipeline.names[1:-1] == tuple(order)
    await migrations.migrate(world.owner, world.login, [SHIPPED, world.pipeline])
    await world.deliver(RECORDS[:2])
    assert await stored(world) == LOANS[:2]
    await world.deliver(RECORDS)
    assert await stored(world) == LOANS
