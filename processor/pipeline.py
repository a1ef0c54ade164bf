"""A pipeline: a kind of event, its event log, how bytes become its events, and what is derived from them.

docs/extending.md builds one from an empty file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from processor import reports, statements
from processor.projections.projection import Projection
from processor.projections.upkeep import Upkeep
from processor.records import message
from processor.records.columns import DELIVERY_COLUMNS, STORED_AT, Columns, Parse
from processor.records.kinesis import Event
from processor.records.message import Column, Message
from processor.records.parsing import json_parser
from processor.reports import Report


class Decoder(NamedTuple):
    """A format besides the message's JSON. Without both conditions, it takes everything.

    ``parsing.read_parser`` makes the parser from a function that turns bytes into the message.
    """

    parse: Parse
    of_stream: Callable[[str], bool] | None = None  # by context: the ARN of the stream
    of_data: Callable[[bytes], bool] | None = None  # by content


@dataclass(frozen=True)
class Pipeline:
    """Everything that tells one pipeline from another; ``contracts.check`` compares it with the database.

    ``folder``: where ``migrations/`` stands, and ``statements.sql`` where there are any. ``key``: the member
    that is the partition key of a published event, so that equal ones keep order. ``student``: the column by
    which a student is erased: it holds their id. ``filters``: what reports can be narrowed down to: columns,
    or members of one that holds JSON (``metadata.course``). ``decoders`` are asked in their order, and before
    JSON; ``parse``: a parser of the JSON faster than the struct's.
    """

    name: str
    message: type[Message]
    folder: Path
    key: str
    student: str | None = None
    filters: tuple[str, ...] = ()
    projections: tuple[Projection, ...] = ()
    decoders: tuple[Decoder, ...] = ()
    parse: Parse | None = None

    @property
    def table(self) -> str:
        """The name of its event log."""
        return self.name.replace("-", "_")

    @property
    def migrations(self) -> Path:
        """The folder of its migrations."""
        return self.folder / "migrations"

    @property
    def statements_file(self) -> Path:
        """The file of its own statements, which does not have to exist."""
        return self.folder / "statements.sql"

    @cached_property
    def own_sql(self) -> Mapping[str, str]:
        """Its own statements by name."""
        return statements.load(self.statements_file) if self.statements_file.exists() else {}

    @cached_property
    def columns(self) -> Sequence[Column]:
        """The columns of its event log that come from the event itself."""
        return message.columns(self.message)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the event's own columns, in their order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def row(self) -> tuple[str, ...]:
        """The names of all columns of a row, beginning with those of the delivery."""
        return (*DELIVERY_COLUMNS, *self.names)

    @cached_property
    def student_of(self) -> Callable[[Event], str | None] | None:
        """Return what gives an event's student, or None if no column holds one."""
        return attrgetter(f"columns.{self.student}") if self.student else None

    @cached_property
    def compared(self) -> Mapping[str, str]:
        """The expression that each of its filters compares, by the filter's name."""
        return dict(reports.compared(self.filters))

    @cached_property
    def reports(self) -> Mapping[str, Report]:
        """Its reports by name: those that every pipeline has, and its own, which may replace them."""
        found = {
            name: sql
            for name, sql in {**reports.standard(self.names, self.compared), **self.own_sql}.items()
            if name.startswith(reports.PREFIX)
        }
        return {name.removeprefix(reports.PREFIX): self.report(sql) for name, sql in found.items()}

    @cached_property
    def upkeep(self) -> Upkeep:
        """The upkeep of its projections."""
        return Upkeep(self.table, (*self.row, STORED_AT), self.projections, self.own_sql)

    def report(self, sql: str) -> Report:
        """Return the statement ready to run. Raise ValueError if it has an unknown blank."""
        return reports.report(sql, self.table, self.names, self.compared)

    def parser(self, stream_arn: str) -> Parse:
        """Return the parser of a stream's records."""
        last = self.parse or json_parser(self.message)
        return _by_content([(d.of_data, d.parse) for d in self._fitting(stream_arn)], last)

    def has_decoder(self, data: bytes, stream_arn: str) -> bool:
        """Tell whether a record of a stream is in a format other than the message's JSON."""
        return any(d.of_data is None or d.of_data(data) for d in self._fitting(stream_arn))

    def _fitting(self, stream_arn: str) -> Sequence[Decoder]:
        return [d for d in self.decoders if d.of_stream is None or d.of_stream(stream_arn)]


def _by_content(parsers: Sequence[tuple[Callable[[bytes], bool] | None, Parse]], last: Parse) -> Parse:
    for takes, parse in reversed(parsers):
        last = parse if takes is None else _either(takes, parse, last)
    return last


def _either(takes: Callable[[bytes], bool], parse: Parse, otherwise: Parse) -> Parse:
    def parse_either(data: bytes, arrived_at: datetime) -> Columns:
        return parse(data, arrived_at) if takes(data) else otherwise(data, arrived_at)

    return parse_either
