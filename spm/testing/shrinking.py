"""Finds the fewest events that show a fault, or almost the fewest."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from spm.testing.events import Sent

SECONDS: Final = 5.0
"""How many seconds to look for fewer."""


async def smallest(
    events: Sequence[Sent], fault: str, shows: Callable[[Sequence[Sent]], Awaitable[str]]
) -> tuple[Sequence[Sent], str]:
    """Leave out halves, then quarters, and in the end single events, while the others still show a fault.

    ``shows`` returns what is wrong with some events, if anything. Returns the events and their fault.
    """
    until = time.monotonic() + SECONDS
    size = len(events) // 2
    while size:
        first = 0
        while first < len(events) and time.monotonic() < until:
            fewer = [*events[:first], *events[first + size :]]
            if fewer and (found := await shows(fewer)):
                events, fault = fewer, found
            else:
                first += size
        size //= 2
    return events, fault
