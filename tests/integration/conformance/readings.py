"""What AWS's documentation leaves open: the readings, what the embedded cloud does, and who relies on it."""

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
        "With bisect, a partial response again and again until the retries run out: what is discarded",
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
        "What an on-failure destination that refuses means",
        DESTINATIONS,
        ("the batch is sent until it is taken, and the shard waits", "the batch is dropped and counted"),
        "it is sent until it is taken; the mapping shows the problem",
        "nothing lost: replay from the stream covers a dropped batch within retention",
    ),
    Reading(
        "A stream is deleted and made again under its name",
        MAPPINGS,
        ("the mapping goes on with the new stream", "it stops with a problem until it is made again"),
        "it goes on, from the new stream's first record; between, it shows `Stream not found`",
        "nothing: a stack's stream is not replaced under its mapping",
    ),
    Reading(
        "How deeply a record may be nested for a filter on `data`",
        FILTERING,
        ("any depth", "a parser's limit, beyond which it is no JSON and dropped"),
        "what Python's parser takes (about 1,000 levels); a pattern has at most 100",
        "nothing: the stack has no filter",
    ),
    Reading(
        "Whether two mappings may differ by a function's alias only",
        CREATION,
        ("each alias is a function of its own", "the function is the same"),
        "each alias may have one",
        "nothing: the stack has one mapping",
    ),
)
