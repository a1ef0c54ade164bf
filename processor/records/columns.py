"""What every event log has in common, and what a parser of any format returns."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

# What every event log has beside the event's own columns: where it came from and when; all of it is its key.
DELIVERY_COLUMNS: Final = ("source_id", "sequence_number", "sub_sequence", "arrived_at")
STORED_AT: Final = "stored_at"  # the transaction's time, which PostgreSQL fills in


class Columns(Protocol):
    """The columns of an event log that come from the event itself: a NamedTuple with at least these two."""

    @property
    def event_id(self) -> UUID | None:
        """The producer's own identity of the event; the first column."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, by the producer's clock; otherwise when it arrived."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in the order of the columns."""


Parse = Callable[[bytes, datetime], Columns]
"""From a user record's data and its arrival time to the columns; raises RejectRecord, and nothing else."""
