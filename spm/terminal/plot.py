"""A plot that fits into one line of a terminal."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, highest: float) -> str:
    """Draw at most ``width`` bars on a scale from 0 to ``highest``, averaging neighbours if needed.

    A scale of its own for every plot would draw 97, 98, 97 like a fall to nothing. A value outside the scale
    is drawn at its end.
    """
    if not values:
        return ""
    count = min(width, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    return "".join(BARS[round(min(1.0, max(0.0, mean / highest)) * (len(BARS) - 1))] for mean in means)
