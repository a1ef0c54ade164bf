"""The columns that every event log has, and those that a parser of any format returns."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

# Besides the event's own columns, every log has where the event came from and when. Together they are its
# key.
DELIVERY_COLUMNS: Final = ("source_id", "sequence_number", "sub_sequence", "arrived_at")
STORED_AT: Final = "stored_at"  # the transaction's time, which PostgreSQL fills in


class Columns(Protocol):
    """The columns of an event log that come from the event itself: a NamedTuple with at least these two."""

    @property
    def event_id(self) -> UUID | None:
        """The producer's own identity of the event. This is the first column."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, by the producer's clock, or when it arrived."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in the order of the columns."""


Parse = Callable[[bytes, datetime], Columns]
"""Turns a user record's data and arrival time into columns, or raises RejectRecord and nothing else."""
