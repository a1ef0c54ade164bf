"""Continuous integration fails if a ratio fell."""

import pytest

from bench import regressions, results

KEY = ("with event_id", "handler", 500)


def row(ratio: float, part: str = "handler") -> results.Row:
    return {
        "part": part,
        "kind": KEY[0],
        "task": KEY[1],
        "batch": KEY[2],
        "by_processor_time": {"median": ratio, "low": 0.1, "high": 2.0},
    }


@pytest.mark.parametrize(("now", "falls"), [(0.9, False), (0.8, False), (0.69, False), (0.67, True)])
def test_a_ratio_may_fall_by_15_per_cent(now: float, *, falls: bool) -> None:
    ratios = regressions.ratios([row(now)])
    assert regressions.fallen(ratios, {KEY: 0.8}) == ([KEY] if falls else [])


def test_what_is_not_recorded_cannot_fall() -> None:
    assert regressions.fallen({KEY: 0.1}, {}) == []


def test_peers_may_become_slower() -> None:
    assert regressions.ratios([row(0.1, "peers")]) == {}


def test_a_ratio_that_fell_is_reported_with_both_figures() -> None:
    assert regressions.describe([KEY], {KEY: 0.5}, {KEY: 0.8}) == (
        "handler, with event_id, batches of 500: 0.500 of the limit, recorded 0.800"
    )
