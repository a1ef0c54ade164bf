"""How well scores and levels predict who fails: pure figures over (score, failed)."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

SMALLEST_GROUP: Final = 10

HIGH_PRECISION: Final = 0.90
ELEVATED_RECALL: Final = 0.50
STEP: Final = 0.1


class Scored(NamedTuple):
    """A student's score and level at a time, and whether they failed or withdrew in the end."""

    score: float
    level: str
    failed: bool


class Choice(NamedTuple):
    """How good a choice of students is: ``share`` of all, ``precision``, ``recall``, ``false_alarms``.

    ``false_alarms`` is the share of those who did not fail that is chosen all the same. NaN means of nobody.
    """

    number: int
    share: float
    precision: float
    recall: float
    false_alarms: float


def base_rate(rows: Sequence[Scored]) -> float:
    """Return the share that fails."""
    return _share(sum(row.failed for row in rows), len(rows))


def area_under_curve(rows: Iterable[Scored]) -> float:
    """Return how often somebody who fails has a higher score than somebody who does not; ties count half."""
    ordered = sorted(rows, key=lambda row: row.score)
    failed = sum(row.failed for row in ordered)
    passed = len(ordered) - failed
    if not failed or not passed:
        return math.nan
    ranks, start = 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end].score == ordered[start].score:
            end += 1
        ranks += sum(row.failed for row in ordered[start:end]) * (start + 1 + end) / 2
        start = end
    return (ranks - failed * (failed + 1) / 2) / (failed * passed)


def chosen_by_level(rows: Sequence[Scored], levels: Sequence[str]) -> Choice:
    """Judge the choice of those with one of the levels."""
    return _judge(rows, [row for row in rows if row.level in levels])


def chosen_from(rows: Sequence[Scored], threshold: float) -> Choice:
    """Judge the choice of those with at least this score."""
    return _judge(rows, [row for row in rows if row.score >= threshold])


def chosen_at_top(rows: Sequence[Scored], share: float) -> Choice:
    """Judge the choice of the share with the highest scores; of those with the last one's, some at random."""
    number = round(share * len(rows))
    if not number:
        return _judged(rows, 0, 0)
    last = sorted((row.score for row in rows), reverse=True)[number - 1]
    above = [row.failed for row in rows if row.score > last]
    same = [row.failed for row in rows if row.score == last]
    return _judged(rows, number, sum(above) + (number - len(above)) * sum(same) / len(same))


def thresholds(rows: Sequence[Scored]) -> tuple[float, float]:
    """Find, in tenths, where ``high`` and ``elevated`` begin, on rows whose outcome is known.

    High begins at the lowest score above which nine of ten fail. Elevated begins at the highest score above
    which half of those who fail are found.
    """
    steps = [round(step * STEP, 1) for step in range(1, 41)]
    high = [step for step in steps if chosen_from(rows, step).precision >= HIGH_PRECISION]
    elevated = [step for step in steps if chosen_from(rows, step).recall >= ELEVATED_RECALL]
    return min(high, default=math.inf), max(elevated, default=0.0)


def _judge(rows: Sequence[Scored], chosen: Sequence[Scored]) -> Choice:
    return _judged(rows, len(chosen), sum(row.failed for row in chosen))


def _judged(rows: Sequence[Scored], number: int, right: float) -> Choice:
    failed = sum(row.failed for row in rows)
    return Choice(
        number,
        _share(number, len(rows)),
        _share(right, number),
        _share(right, failed),
        _share(number - right, len(rows) - failed),
    )


def _share(part: float, whole: int) -> float:
    return part / whole if whole else math.nan
