"""What a pipeline is: a kind of event, its event log, how bytes become its events, what is derived from them.

docs/extending.md builds one from an empty file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from processor.errors import RejectRecord

# What every event log has beside the event's own columns: where it came from and when; all of it is its key.
DELIVERY_COLUMNS: Final = ("source_id", "sequence_number", "sub_sequence", "arrived_at")


class Columns(Protocol):
    """The columns of an event log that come from the event itself: a NamedTuple with at least these two."""

    @property
    def event_id(self) -> UUID | None:
        """The producer's own identity of the event; the first column."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, by the producer's clock; else when it arrived."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in the order of the columns."""


Parse = Callable[[bytes, datetime], Columns]
"""From a user record's data and its arrival time to the columns; raises RejectRecord, and nothing else."""


class Decoder(NamedTuple):
    """One format. Both conditions absent: it takes whatever the decoders before it left."""

    parse: Parse
    of_stream: Callable[[str], bool] | None = None  # by context: the ARN of the stream
    of_data: Callable[[bytes], bool] | None = None  # by content


class Reaction(NamedTuple):
    """A derived table of this name, kept in the events' transaction from exactly the rows that became new.

    The statement of this name gets their named columns, an array for each. With ``deltas``, a table of such
    arrays, they are appended to it instead, which costs far less; the statement ``name_fold`` takes up to so
    many rows from there later and returns how many, and ``name`` is a view of what is folded and what is not.
    ``name_slice``, ``name_clear`` and ``name_fill`` rebuild the table from the event log.
    """

    name: str
    columns: tuple[str, ...]
    deltas: str | None = None

    @property
    def statement(self) -> str:
        """The name of the statement that keeps the table."""
        return f"{self.name}_fold" if self.deltas else self.name


@dataclass(frozen=True)
class Pipeline:
    """Everything that tells one pipeline from another; ``contracts.check`` compares it with the database.

    ``key``: the column whose value is the partition key of a published event, so that equal ones keep order.
    ``filters``: what its reports can be narrowed down to, the first parameters of each ``report_`` statement.
    """

    name: str
    table: str
    columns: type[Columns]
    decoders: tuple[Decoder, ...]
    sql: Mapping[str, str]
    migrations: Path
    key: str
    filters: tuple[str, ...] = ()
    reactions: tuple[Reaction, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the event's own columns, in their order."""
        return tuple(self.columns.__annotations__)

    @cached_property
    def row(self) -> tuple[str, ...]:
        """The names of a whole row's columns, those of the delivery first."""
        return (*DELIVERY_COLUMNS, *self.names)

    def parser(self, stream_arn: str) -> Parse:
        """Return what parses the records of a stream."""
        fitting = [d for d in self.decoders if d.of_stream is None or d.of_stream(stream_arn)]
        return fitting[0].parse if fitting and fitting[0].of_data is None else _by_content(fitting)


def _by_content(decoders: Sequence[Decoder]) -> Parse:
    def parse(data: bytes, arrived_at: datetime) -> Columns:
        for decoder in decoders:
            if decoder.of_data is None or decoder.of_data(data):
                return decoder.parse(data, arrived_at)
        raise RejectRecord("unknown_format", "no decoder of the pipeline takes these bytes")

    return parse
