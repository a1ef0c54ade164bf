"""The geometry of charts. A chart's table holds every number that it shows.

A viewBox is 360 units wide, so that text of 13 units is more than 12 pixels high on a telephone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from portal.dashboard.shapes import Bars, Grid, Lines, Mark, Sparkline, Steps, Tick

WIDTH: Final = 360
LEFT: Final = 34
RIGHT: Final = 8
TOP: Final = 22
BOTTOM: Final = 38
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def nice_top(highest: float) -> int:
    """Return the end of an axis that holds the value and can be quartered: 4, 8, 20, 40, 80, 200, …"""
    magnitude = 1
    while True:
        for top in (4, 8, 20):
            if top * magnitude >= highest:
                return top * magnitude
        magnitude *= 10


def histogram(bins: Sequence[int], median: float | None) -> Bars:
    """Return how often each step of ten per cent occurred. All bars begin at zero."""
    height = 180
    top = nice_top(max(bins, default=0))
    step = (WIDTH - LEFT - RIGHT) / len(bins)
    floor = height - BOTTOM
    marks = []
    for position, count in enumerate(bins):
        tall = (floor - TOP) * count / top
        low = position * 10
        what = f"{low} to {low + 10} %: {count:,} student{'s' * (count != 1)}"
        marks.append(Mark(LEFT + position * step + 1, floor - tall, step - 2, tall, what))
    x = [Tick(LEFT + tens * step, str(tens * 10)) for tens in range(0, 11, 2)]
    return Bars(
        height,
        marks,
        x,
        _y_ticks(top, floor),
        "score in per cent",
        "students",
        None if median is None else LEFT + min(median, 100) / 10 * step,
        "" if median is None else f"median {median:.0f}",
    )


def by_minute(counts: Sequence[int], now: datetime, zone: tzinfo) -> Bars:
    """Return a bar for each minute up to now. All bars begin at zero."""
    height = 160
    top = nice_top(max(counts, default=0))
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    floor = height - BOTTOM
    marks, x = [], []
    for position, count in enumerate(counts):
        minutes_ago = len(counts) - 1 - position
        at = (now - timedelta(minutes=minutes_ago)).astimezone(zone)
        tall = (floor - TOP) * count / top
        what = f"{at:%H:%M}: {count:,} event{'s' * (count != 1)}"
        marks.append(Mark(LEFT + position * step + 0.5, floor - tall, step - 1, tall, what))
        if at.minute % 15 == 0:
            x.append(Tick(LEFT + (position + 0.5) * step, f"{at:%H:%M}"))
    return Bars(height, marks, x, _y_ticks(top, floor), "time of day", "events per minute")


class Lesson(NamedTuple):
    """How many came to the lessons of a day, and how many were absent."""

    day: str
    came: int
    absent: int


def lessons(days: Sequence[Lesson]) -> Bars:
    """Return a bar for each day: how many per cent came. All bars begin at zero."""
    height = 180
    floor = height - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    marks = []
    for position, one in enumerate(days):
        expected = one.came + one.absent
        tall = (floor - TOP) * one.came / expected
        what = f"{one.day}: {one.came:,} of {expected:,}"
        marks.append(Mark(LEFT + position * step + step / 8, floor - tall, step * 3 / 4, tall, what))
    every = -(-len(days) // 5) or 1
    x = [Tick(LEFT + (n + 0.5) * step, one.day) for n, one in enumerate(days) if n % every == 0]
    y = [Tick(floor - (floor - TOP) * part / 100, str(part)) for part in (0, 50, 100)]
    return Bars(height, marks, x, y, "day with a lesson", "per cent came")


def heat(hours: Sequence[Sequence[int]]) -> Grid:
    """Return a cell for each weekday and hour, which is darkest where most happens."""
    top = max((count for row in hours for count in row), default=0)
    cell_width = (WIDTH - LEFT - RIGHT) / 24
    cell_height = 18
    marks = [
        Mark(
            LEFT + hour * cell_width,
            TOP + weekday * cell_height,
            cell_width - 1,
            cell_height - 1,
            f"{WEEKDAYS[weekday]} {hour:02d}:00: {count:,} event{'s' * (count != 1)}",
            f"heat-{-(-5 * count // top) if top else 0}",
        )
        for weekday, row in enumerate(hours)
        for hour, count in enumerate(row)
    ]
    x = [Tick(LEFT + hour * cell_width, f"{hour:02d}:00") for hour in (0, 6, 12, 18)]
    y = [Tick(TOP + (n + 0.7) * cell_height, name) for n, name in enumerate(WEEKDAYS)]
    return Grid(TOP + 7 * cell_height + 20, marks, x, y)


class ComparedScore(NamedTuple):
    """One piece of work: the student's score and the course's middle half, in per cent, if they are known."""

    title: str
    mine: float | None
    lower: float | None
    median: float | None
    upper: float | None


def scores(all_scores: Sequence[ComparedScore]) -> Lines:
    """Return a student's scores over the band in which the middle half of the course lies."""
    height = 190
    floor = height - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(len(all_scores), 1)

    def x(position: int) -> float:
        return LEFT + (position + 0.5) * step

    def y(value: float) -> float:
        return floor - (floor - TOP) * min(max(value, 0), 100) / 100

    known = [(n, s) for n, s in enumerate(all_scores) if s.lower is not None and s.upper is not None]
    above = [(x(n), y(s.upper or 0)) for n, s in known]
    below = [(x(n), y(s.lower or 0)) for n, s in reversed(known)]
    mine = [(x(n), y(s.mine)) for n, s in enumerate(all_scores) if s.mine is not None]
    marks = [
        Mark(x(n), y(s.mine), 0, 0, f"{s.title}: {s.mine:.0f} %", "point")
        for n, s in enumerate(all_scores)
        if s.mine is not None
    ]
    return Lines(
        height,
        _points(above + below),
        _points([(x(n), y(s.median)) for n, s in known if s.median is not None]),
        _points(mine),
        marks,
        [Tick(x(n), s.title) for n, s in enumerate(all_scores) if n % -(-len(all_scores) // 8 or 1) == 0],
        [Tick(y(value), str(value)) for value in (0, 25, 50, 75, 100)],
        "piece of work, in the order of its due date",
        "per cent of the points",
    )


class Moment(NamedTuple):
    """When something happened, and its text for the pointer; ``level`` is the one that began, if one did."""

    at: datetime
    title: str
    level: str = ""


LEVELS: Final = ("none", "elevated", "high")


def levels(changes: Sequence[Moment], talks: Sequence[Moment], until: datetime, zone: tzinfo) -> Steps | None:
    """Return a student's level over time with follow-ups marked on it, or None if it never changed."""
    if not changes:
        return None
    left, height = 64, 150
    floor = height - BOTTOM
    begins = min(one.at for one in (*changes, *talks))
    whole = max(until - begins, timedelta(hours=1))

    def x(at: datetime) -> float:
        return left + (WIDTH - RIGHT - left) * min((at - begins) / whole, 1)

    def y(level: str) -> float:
        return floor - (floor - TOP) * LEVELS.index(level) / (len(LEVELS) - 1)

    points = [(left * 1.0, y("none"))]
    for one in changes:
        points += [(x(one.at), points[-1][1]), (x(one.at), y(one.level))]
    points.append((x(until), points[-1][1]))
    days = [(begins + whole * part / 8).astimezone(zone) for part in (1, 3, 5, 7)]
    ticks = {f"{day.day} {day:%b}": Tick(x(day), f"{day.day} {day:%b}") for day in days}
    return Steps(
        height,
        left,
        _points(points),
        [Mark(x(one.at), y(one.level), 0, 0, one.title) for one in changes],
        [Mark(x(one.at), TOP, 0, floor - TOP, one.title) for one in talks],
        [*ticks.values()],
        [Tick(y(level), level) for level in LEVELS],
        "day",
        "level",
    )


def sparkline(values: Sequence[float], top: float) -> Sparkline | None:
    """Return a line from zero to ``top``, 72 by 20 units, or None if there are fewer than two values."""
    if len(values) < 2:
        return None
    step = 68 / (len(values) - 1)
    points = [(2 + n * step, 18 - 16 * min(value / (top or 1), 1)) for n, value in enumerate(values)]
    return Sparkline(_points(points), *points[-1])


def _y_ticks(top: int, floor: int) -> list[Tick]:
    return [Tick(floor - (floor - TOP) * part / 4, _short(top * part / 4)) for part in (0, 2, 4)]


def _short(value: float) -> str:
    """Return a number that fits beside an axis: ``400``, ``8 k``, ``2 M``."""
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
