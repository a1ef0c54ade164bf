"""What one connection knows; importable without a driver, because every command's parameters name it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from processor.storage.tombstones import Tombstones

if TYPE_CHECKING:
    from asyncpg import Connection


class Source(NamedTuple):
    """Where records come from; sequence numbers are unique within it."""

    stream_arn: str
    shard_id: str


@dataclass
class Session:
    """A connection, and what was found out through it, pipeline by pipeline or table by table."""

    connection: "Connection"
    source_ids: dict[tuple[str, Source], int] = field(default_factory=dict)
    kept_months: set[tuple[str, date]] = field(default_factory=set)
    types: dict[str, Sequence[str]] = field(default_factory=dict)
    tombstones: Tombstones | None = None

    def forget(self) -> None:
        """Find everything out again: what was made on the way was rolled back."""
        self.source_ids.clear()
        self.kept_months.clear()
        self.types.clear()
