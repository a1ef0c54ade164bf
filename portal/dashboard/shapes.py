"""What charts are made of, and how a template that draws them as SVG gets them."""

from collections.abc import Sequence
from typing import NamedTuple


class Mark(NamedTuple):
    """A rectangle or point, its text for the pointer, and a class for its colour."""

    x: float
    y: float
    width: float
    height: float
    title: str
    kind: str = ""


class Tick(NamedTuple):
    """A label on an axis, and its position."""

    at: float
    text: str


class Bars(NamedTuple):
    """Vertical bars from a zero line. ``line`` is a marked value of the x axis."""

    height: int
    marks: Sequence[Mark]
    x: Sequence[Tick]
    y: Sequence[Tick]
    x_title: str
    y_title: str
    line: float | None = None
    line_text: str = ""


class Grid(NamedTuple):
    """Cells of one hue. The ``kind`` of each is its step from 0 to 5."""

    height: int
    marks: Sequence[Mark]
    x: Sequence[Tick]
    y: Sequence[Tick]


class Lines(NamedTuple):
    """Points over a band, from left to right: the band, its middle line, the points and their line."""

    height: int
    band: str
    middle: str
    line: str
    marks: Sequence[Mark]
    x: Sequence[Tick]
    y: Sequence[Tick]
    x_title: str
    y_title: str


class Steps(NamedTuple):
    """A level over time, from left to right, and moments that are marked on it. Its axis is at ``left``."""

    height: int
    left: int
    line: str
    marks: Sequence[Mark]
    moments: Sequence[Mark]
    x: Sequence[Tick]
    y: Sequence[Tick]
    x_title: str
    y_title: str


class Sparkline(NamedTuple):
    """A small line from zero, with the last point marked."""

    points: str
    last_x: float
    last_y: float
