"""Questions that AWS's documentation leaves open: their readings, and what the embedded cloud does."""

from dataclasses import dataclass

from tests.integration.conformance.rules import CREATION, DESTINATIONS, FILTERING, MAPPINGS, REPORTING

ANY_READING = "neither: `tests/unit/emulation/test_readings.py`"


@dataclass(frozen=True)
class Reading:
    """One open question."""

    question: str
    source: str
    readings: tuple[str, ...]
    here: str
    relied_on: str


READINGS = (
    Reading(
        "With bisect, what is discarded when partial responses repeat until the retries run out",
        REPORTING,
        ("the whole remainder from the checkpoint on", "the one record at the checkpoint"),
        "the remainder, after a report of its first record",
        ANY_READING,
    ),
    Reading(
        "Whether a split by bisect counts towards MaximumRetryAttempts",
        DESTINATIONS,
        ("never", "only when a half fails on its own"),
        "never",
        ANY_READING,
    ),
    Reading(
        "What happens when an on-failure destination refuses a batch",
        DESTINATIONS,
        ("the batch is sent until it is taken, and the shard waits", "the batch is dropped and counted"),
        "it is sent until it is taken; the mapping shows the problem",
        "nothing is lost: a replay from the stream covers a dropped batch within retention",
    ),
    Reading(
        "What happens when a stream is deleted and made again under the same name",
        MAPPINGS,
        ("the mapping goes on with the new stream", "it stops with a problem until it is made again"),
        "it goes on from the new stream's first record; in between it shows `Stream not found`",
        "nothing: a stack's stream is not replaced under its mapping",
    ),
    Reading(
        "How deeply a record may be nested for a filter on `data`",
        FILTERING,
        ("any depth", "a parser's limit; a record beyond it is not JSON and is dropped"),
        "what Python's parser takes (about 1,000 levels); a pattern has at most 100",
        "nothing: the stack has no filter",
    ),
    Reading(
        "Whether two mappings may differ only by a function's alias",
        CREATION,
        ("each alias is a function of its own", "the function is the same"),
        "each alias may have one",
        "nothing: the stack has one mapping",
    ),
)
