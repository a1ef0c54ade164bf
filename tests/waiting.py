"""Waits for a condition with a deadline, instead of for a guessed time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], what: str, *, seconds: float) -> None:
    """Return as soon as the condition holds. If it does not in that time, fail and name ``what``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.05)
