"""The decorator with which a scenario names the documented rule that it tests."""

from collections.abc import Callable
from typing import TypeVar

GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
PARAMETERS = f"{GUIDE}/services-kinesis-parameters.html"
REPORTING = f"{GUIDE}/services-kinesis-batchfailurereporting.html"
DESTINATIONS = f"{GUIDE}/kinesis-on-failure-destination.html"
ERRORS = DESTINATIONS  # the same page says first what is retried, split and discarded
MAPPINGS = f"{GUIDE}/invocation-eventsourcemapping.html"
EVENTS = f"{GUIDE}/with-kinesis.html"
FILTERING = f"{GUIDE}/with-kinesis-filtering.html"
CREATION = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html"
UPDATE = "https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html"
RESHARDING = "https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html"

Test = TypeVar("Test", bound=Callable[..., None])


def documented(source: str, *, needs: str = "", refused: str = "") -> Callable[[Test], Test]:
    """Name the page that documents what a scenario expects.

    ``needs`` says what else the scenario does so that the rule shows. ``refused`` names something that AWS
    offers and the embedded cloud refuses by name; the scenario shows the refusal.
    """

    def mark(test: Test) -> Test:
        # Read by conftest.py and parity.py.
        vars(test).update({"source": source, "needs": needs, "refused": refused})
        return test

    return mark


def labels(count: int) -> list[str]:
    """Return the labels r0, r1 and so on."""
    return [f"r{number}" for number in range(count)]
