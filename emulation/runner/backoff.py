"""How long to wait after a failure. Lambda documents that it backs off but not how; the figures are ours."""

import random

FIRST_SECONDS = 0.5
MAXIMUM_SECONDS = 30.0


def backoff(failures: int) -> float:
    """Return the seconds to wait after the n-th failure in a row: doubled each time, half of it jitter."""
    whole = min(MAXIMUM_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
