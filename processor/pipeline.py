"""What a pipeline is: a kind of event, its event log, how bytes become its events, what is derived from them.

docs/extending.md builds one from an empty file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from processor.errors import RejectRecord
from processor.projections.projection import Projection
from processor.projections.upkeep import Upkeep
from processor.records.columns import DELIVERY_COLUMNS, Columns, Parse


class Decoder(NamedTuple):
    """One format. Both conditions absent: it takes whatever the decoders before it left."""

    parse: Parse
    of_stream: Callable[[str], bool] | None = None  # by context: the ARN of the stream
    of_data: Callable[[bytes], bool] | None = None  # by content


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
    projections: tuple[Projection, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the event's own columns, in their order."""
        return tuple(self.columns.__annotations__)

    @cached_property
    def upkeep(self) -> Upkeep:
        """What keeps the projections."""
        return Upkeep(self.table, self.projections, self.sql)

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
