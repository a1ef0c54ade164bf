"""The model's arithmetic, with constants that make it easy to check by hand."""

import math
from dataclasses import replace

import pytest

from bench.scaling import CLASSES, Constants, Load

CONSTANTS = Constants(
    client=10e-6, server=10e-6, compaction=30e-6, compacted=30_000, stored_bytes=500, sent_bytes=250
)


@pytest.mark.parametrize(("rate", "shards"), [(10, 1), (900, 1), (1_000, 2), (10_000, 12)])
def test_a_shard_is_filled_to_nine_tenths_of_a_thousand_records(rate: int, shards: int) -> None:
    assert Load(rate, CONSTANTS).shards == shards


def test_large_events_fill_a_shard_by_their_bytes() -> None:
    large = replace(CONSTANTS, sent_bytes=2**20 / 100)
    assert Load(1_000, large).shards == math.ceil(10 / 0.9)


def test_per_invocation_takes_what_a_window_brings_up_to_the_batch_size() -> None:
    assert Load(10, CONSTANTS).batch == 10
    assert Load(10, CONSTANTS).invocations == 1
    assert Load(900, CONSTANTS).batch == 500


def test_per_invocation_computes_with_its_share_of_a_processor_and_waits() -> None:
    assert Load(900, CONSTANTS).duration == pytest.approx(500 * 10e-6 * 1_769 / 512 + 500 * 10e-6 + 0.010)


def test_the_smallest_class_with_room_to_spare_is_taken() -> None:
    assert Load(10, CONSTANTS).instance == CLASSES[0]
    assert Load(100_000, CONSTANTS).instance == next(c for c in CLASSES if c.processors >= 8)
    assert Load(10_000_000, CONSTANTS).instance is None


def test_costs_add_up() -> None:
    load = Load(1_000, CONSTANTS)
    costs = load.costs()
    total = sum(costs[part] for part in ("stream_$", "function_$", "database_$", "one_month's_storage_$"))
    assert costs["$_per_million_events"] == pytest.approx(total / (1_000 * 730 * 3_600 / 1e6), rel=0.01)
