"""One pipeline's event log as one source's events are written to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from asyncpg import Connection

from processor import statements
from processor.errors import ConfigurationError
from processor.pipeline import Pipeline
from processor.records.columns import DELIVERY_COLUMNS
from processor.records.kinesis import Decoded, Event
from processor.statements import identifier, identifiers
from processor.storage import binary
from processor.storage.session import Session, Source
from processor.storage.tombstones import Tombstones, read_tombstones

SQL: Final = statements.load(statements.FOLDER / "event_log.sql")

_IDENTITY_COLUMNS: Final = ("event_id", "source_id", "sequence_number", "sub_sequence")


class EncodedRows(NamedTuple):
    """What a COPY into a table reads: the encoded rows of these events, in their order."""

    table: str
    columns: Sequence[str]
    data: bytes
    events: Sequence[Event]


@dataclass(frozen=True)
class EventLog:
    """The log with its partitions made; ``expired`` are those of the months asked for that were dropped."""

    connection: Connection
    pipeline: Pipeline
    source_id: int
    types: Sequence[str]
    expired: frozenset[date]
    tombstones: Tombstones

    @property
    def sql(self) -> "dict[str, str]":
        """The statements, with the log's names filled in."""
        return log_statements(self.pipeline.table, self.pipeline.names)

    def without_erased(self, decoded: Decoded) -> Decoded:
        """Return what is left without what is an erased student's."""
        return self.tombstones.without(decoded, self.pipeline.student_of) if self.tombstones else decoded

    def pieces(self, chunk: Iterator[Decoded]) -> Iterator[EncodedRows]:
        """Yield the events slice by slice, then their identities in the order of event_id, encoded.

        Raises UnfitValue if a value does not fit the type of its column.
        """
        claims: list[tuple[UUID, binary.Row]] = []
        for decoded in chunk:
            if decoded.events:
                encoded = self._encoded(decoded.events)
                claims += _claims(decoded.events, encoded)
                data = binary.copy(binary.rows(encoded))
                yield EncodedRows(self.pipeline.table, self.pipeline.row, data, decoded.events)
        if claims:
            claims.sort(key=lambda claim: claim[0].int)  # UUIDs themselves compare ten times slower
            yield EncodedRows("event_identity", _IDENTITY_COLUMNS, binary.copy(row for _, row in claims), ())

    def rows(self, events: Sequence[Event]) -> EncodedRows:
        """Return the events encoded, for the table of what is to be merged; raise as ``pieces``."""
        data = binary.copy(binary.rows(self._encoded(events)))
        return EncodedRows(incoming(self.pipeline.table), self.pipeline.row, data, events)

    def _encoded(self, events: Sequence[Event]) -> list[list[bytes]]:
        columns: list[Sequence[object]] = [
            [self.source_id] * len(events),
            [event.sequence_number for event in events],
            [event.sub_sequence for event in events],
            [event.arrived_at for event in events],
            *zip(*[event.columns for event in events], strict=True),
        ]
        return binary.columns(columns, self.types)


def _claims(events: Sequence[Event], encoded: Sequence[Sequence[bytes]]) -> Iterator[tuple[UUID, binary.Row]]:
    """Yield each event_id with the row that claims it: it takes the values that are encoded already."""
    given = [event.columns.event_id for event in events]
    if any(given):
        source_ids, sequence_numbers, sub_sequences, _, event_ids, *_ = encoded
        rows = binary.rows((event_ids, source_ids, sequence_numbers, sub_sequences))
        yield from ((event_id, row) for event_id, row in zip(given, rows, strict=True) if event_id)


def incoming(log: str) -> str:
    """Return the name of the temporary table of what is to be merged."""
    return f"incoming_{log}"


@cache
def log_statements(log: str, names: Sequence[str]) -> dict[str, str]:
    """Return the store's statements for a log with these columns; raise ValueError for an impossible name."""
    content = [name for name in names if name not in ("event_id", "occurred_at")]
    blanks = {
        "log": identifier(log),
        "incoming": identifier(incoming(log)),
        "columns": identifiers((*DELIVERY_COLUMNS, *names)),
        "content": identifiers(content),
        "stored_content": identifiers(content, of="stored"),
        "event_content": identifiers(content, of="event"),
    }
    return {name: sql.format_map(blanks) for name, sql in SQL.items()}


async def open_log(session: Session, pipeline: Pipeline, source: Source, months: frozenset[date]) -> EventLog:
    """Return the log, ready to be written to; a session asks for nothing twice."""
    source_id = await _source_id(session, pipeline, source)
    expired = frozenset([month for month in months if not await _keeps(session, pipeline.table, month)])
    if session.tombstones is None:
        session.tombstones = await read_tombstones(session.connection)
    types = await _types(session, pipeline)
    return EventLog(session.connection, pipeline, source_id, types, expired, session.tombstones)


async def _source_id(session: Session, pipeline: Pipeline, source: Source) -> int:
    known = pipeline.name, source
    if known not in session.source_ids:
        session.source_ids[known] = await _find_or_add_source(session.connection, *source, pipeline.name)
    return session.source_ids[known]


async def _find_or_add_source(connection: Connection, *source: str) -> int:
    found: int | None = await connection.fetchval(SQL["find_source"], *source)
    if found is None:
        await connection.execute(SQL["add_source"], *source)
        found = await connection.fetchval(SQL["find_source"], *source)
    assert found is not None  # noqa: S101 - for the type checker: nothing deletes sources
    return found


async def _keeps(session: Session, table: str, month: date) -> bool:
    """Tell whether the log keeps the month, and make its partition; a drop is noticed by the next session."""
    if (table, month) not in session.kept_months:
        if not await session.connection.fetchval(SQL["make_month"], table, month):
            return False
        session.kept_months.add((table, month))
    return True


async def _types(session: Session, pipeline: Pipeline) -> Sequence[str]:
    if pipeline.table not in session.types:
        rows = await session.connection.fetch(SQL["types_of"], pipeline.table, pipeline.row)
        type_of = {row["name"]: row["typname"] for row in rows}
        missing = [name for name in pipeline.row if name not in type_of]
        if missing:
            raise ConfigurationError(
                f"the table {pipeline.table} has no column {', '.join(missing)}: run spm migrate"
            )
        session.types[pipeline.table] = [type_of[name] for name in pipeline.row]
    return session.types[pipeline.table]


def arrays(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the columns of rows, each as what PostgreSQL takes as an array."""
    return [list(column) for column in zip(*rows, strict=True)]
