"""The COPYs that store a part of new events, each made while PostgreSQL works on the one before."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from uuid import UUID

from processor import encode
from processor.decode import Decoded, Event
from processor.pipeline import Pipeline

# Events in one COPY. PostgreSQL begins to store when it has ended: with more events there is less to do
# meanwhile, with fewer the 0.1 ms of each COPY tells.
PIECE: Final = 250

_IDENTITY_COLUMNS: Final = ("event_id", "source_id", "sequence_number", "sub_sequence")


class Copy(NamedTuple):
    """What a COPY into a table reads; ``first`` is the position of the first row's event."""

    table: str
    columns: Sequence[str]
    data: bytes
    first: int


class Copies:
    """The events, decoded and encoded piece by piece, then their identities, in their order.

    Taking one raises ValueError where a value does not fit the type of its column.
    """

    def __init__(self, pipeline: Pipeline, source_id: int, decoded: Decoded, types: Sequence[str]) -> None:
        self.source_id = source_id
        self.decoded = decoded
        self.first = 0  # of the piece that was taken last
        self._pipeline = pipeline
        self._types = types
        self._end = 0  # of the pieces that were made
        # Of the pieces that were made, no COPY yet:
        self._claims: list[tuple[UUID, encode.Row]] = []
        self._deltas = [(r, [list[bytes]() for _ in r.columns]) for r in pipeline.reactions if r.deltas]
        self._ahead: Copy | None = None

    def __iter__(self) -> Iterator[Copy]:
        """Yield each COPY; it is to have ended before the next one is asked for."""
        while copy := self._ahead or self._make():
            self._ahead = None
            self.first = copy.first
            yield copy

    async def send(self, copy: Copy) -> AsyncIterator[bytes]:
        """Yield what PostgreSQL reads, and make the next COPY when that is on its way."""
        yield copy.data
        self.make_soon()

    def make_soon(self) -> None:
        """Make the next COPY as soon as there is nothing to do but to wait."""
        asyncio.get_running_loop().call_soon(self._make_ahead)

    def _make_ahead(self) -> None:
        with suppress(ValueError):  # raised again when it is asked for
            self._ahead = self._ahead or self._make()

    def _make(self) -> Copy | None:
        first = self._end
        self.decoded.decode(first + PIECE)
        events = self.decoded.events[first : first + PIECE]
        if not events:
            return self._make_identities() or self._make_deltas()
        encoded = encode.columns(self._columns(events), self._types)
        data = encode.copy(encode.rows(encoded))
        self._claim(events, encoded)
        self._derive(encoded)
        self._end += len(events)
        return Copy(self._pipeline.table, self._pipeline.row, data, first)

    def _columns(self, events: Sequence[Event]) -> list[Sequence[object]]:
        return [
            [self.source_id] * len(events),
            [event.sequence_number for event in events],
            [event.sub_sequence for event in events],
            [event.arrived_at for event in events],
            *zip(*[event.columns for event in events], strict=True),
        ]

    def _claim(self, events: Sequence[Event], encoded: Sequence[Sequence[bytes]]) -> None:
        """Keep the rows of the event_ids for later: they take the same encoded values."""
        given = [event.columns.event_id for event in events]
        if not any(given):
            return
        source_ids, sequence_numbers, sub_sequences, _, event_ids, *_ = encoded
        rows = encode.rows((event_ids, source_ids, sequence_numbers, sub_sequences))
        claims = zip(given, rows, strict=True)
        self._claims += [(event_id, row) for event_id, row in claims if event_id]

    def _derive(self, encoded: Sequence[Sequence[bytes]]) -> None:
        """Keep what goes into deltas for later: they, too, take the encoded values."""
        value_of = dict(zip(self._pipeline.row, encoded, strict=True))
        for reaction, columns in self._deltas:
            for name, values in zip(reaction.columns, columns, strict=True):
                values.extend(value_of[name])

    def _make_deltas(self) -> Copy | None:
        """Make one row for all the events, an array in each column."""
        if not self._deltas or not self._end:
            return None
        reaction, columns = self._deltas.pop(0)
        type_of = dict(zip(self._pipeline.row, self._types, strict=True))
        named = zip(reaction.columns, columns, strict=True)
        row = [[encode.array(values, type_of[name])] for name, values in named]
        return Copy(str(reaction.deltas), reaction.columns, encode.copy(encode.rows(row)), self.first)

    def _make_identities(self) -> Copy | None:
        """Claim the event_ids, once, in their order: see claim_identities."""
        if not self._claims:
            return None
        self._claims.sort(key=lambda claim: claim[0].int)  # UUIDs themselves compare ten times slower
        claims, self._claims = self._claims, []
        return Copy("event_identity", _IDENTITY_COLUMNS, encode.copy(row for _, row in claims), self.first)
