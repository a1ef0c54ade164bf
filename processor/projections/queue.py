"""The queue of what has to be compacted. It holds no data: the log's rows of a span are what became new."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from processor.records.kinesis import Event


class Span(NamedTuple):
    """The key range, including both ends, of one source's events that one transaction stored in a log."""

    log: str
    source_id: int
    first: str
    last: str
    arrived_from: datetime
    arrived_until: datetime

    @classmethod
    def of(cls, log: str, source_id: int, events: Sequence[Event]) -> "Span":
        """Return the narrowest span that holds the events, whatever their order."""
        numbers = [event.sequence_number for event in events]
        arrivals = [event.arrived_at for event in events]
        return cls(log, source_id, min(numbers), max(numbers), min(arrivals), max(arrivals))
