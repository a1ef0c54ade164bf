"""The figures of a prediction, compared with counting by hand."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accuracy import (
    Choice,
    Scored,
    area_under_curve,
    base_rate,
    chosen_at_top,
    chosen_by_level,
    chosen_from,
    thresholds,
)

ROWS = [
    Scored(3.0, "high", failed=True),
    Scored(2.0, "high", failed=False),
    Scored(1.0, "elevated", failed=True),
    Scored(1.0, "elevated", failed=False),
    Scored(0.2, "none", failed=True),
    Scored(0.1, "none", failed=False),
    Scored(0.1, "none", failed=False),
    Scored(0.1, "none", failed=False),
]


def test_precision_recall_and_false_alarms_of_a_choice() -> None:
    assert base_rate(ROWS) == 3 / 8
    assert chosen_by_level(ROWS, ["high"]) == Choice(2, 2 / 8, 1 / 2, 1 / 3, 1 / 5)
    assert (
        chosen_by_level(ROWS, ["high", "elevated"])
        == chosen_from(ROWS, 1.0)
        == Choice(4, 0.5, 0.5, 2 / 3, 0.4)
    )


def test_ties_for_the_last_places_are_counted_as_if_drawn_at_random() -> None:
    assert chosen_at_top(ROWS, 3 / 8) == Choice(3, 3 / 8, 0.5, 0.5, 0.3)
    assert chosen_at_top(ROWS, 1 / 8) == Choice(1, 1 / 8, 1.0, 1 / 3, 0.0)


def test_there_is_no_figure_about_nobody() -> None:
    assert math.isnan(chosen_from(ROWS, 4).precision)
    assert math.isnan(area_under_curve([]))
    assert math.isnan(chosen_at_top([], 0.1).recall)


_scores = st.lists(
    st.builds(Scored, st.sampled_from((0.1, 0.2, 0.3)), st.just("none"), st.booleans()), max_size=12
)


@given(_scores)
def test_the_area_is_how_often_a_pair_is_in_the_right_order(rows: list[Scored]) -> None:
    pairs = list(product([r.score for r in rows if r.failed], [r.score for r in rows if not r.failed]))
    if pairs:
        right = sum(1 if failed > passed else 0.5 if failed == passed else 0 for failed, passed in pairs)
        assert area_under_curve(rows) == pytest.approx(right / len(pairs))


def test_thresholds_are_the_lowest_with_nine_of_ten_right_and_the_highest_that_find_half() -> None:
    rows = [Scored(2.0, "", failed=True)] * 9 + [Scored(2.0, "", failed=False)]
    rows += [Scored(0.8, "", failed=True)] * 9 + [Scored(0.8, "", failed=False)] * 20
    assert thresholds(rows) == (0.9, 2.0)
