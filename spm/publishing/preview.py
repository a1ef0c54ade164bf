"""Shows what publishing a file would do: its first events, and each kind of bad record."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from processor.pipeline import Pipeline
from spm.publishing.bad import BadRecord
from spm.publishing.prepare import prepare
from spm.reading.documents import Record

EVENTS_SHOWN: Final = 5


@dataclass
class Kind:
    """Bad records with the same fault: how many there are, and the first of them."""

    count: int
    first: BadRecord


@dataclass
class Preview:
    """What was seen. ``events`` holds the first events, by their columns."""

    good: int = 0
    bad: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)

    def note(self, record: BadRecord) -> None:
        """Count a bad record."""
        self.bad += 1
        self.kinds.setdefault(record.kind, Kind(0, record)).count += 1

    def as_json(self) -> dict[str, Any]:
        """Return it as it is printed for programs."""
        kinds = [{"count": kind.count, **kind.first._asdict()} for kind in self.kinds.values()]
        return {"good": self.good, "bad": self.bad, "events": self.events, "kinds_of_bad": kinds}


def preview(records: Iterable[Record | BadRecord], pipeline: Pipeline, stream_arn: str) -> Preview:
    """Check all records and publish none."""
    seen = Preview()
    parse = pipeline.parser(stream_arn)
    for entry in prepare(records, seen.note, pipeline=pipeline, stream_arn=stream_arn):
        seen.good += 1
        if len(seen.events) < EVENTS_SHOWN:
            seen.events.append(_stored(pipeline, parse(entry.data, datetime.now(UTC))))
    return seen


def _stored(pipeline: Pipeline, columns: Iterable[Any]) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(dict(zip(pipeline.names, columns, strict=True)))
    for column in pipeline.columns:
        if column.types == ("jsonb",) and row[column.name] is not None:
            row[column.name] = msgspec.json.decode(row[column.name])
    return row
