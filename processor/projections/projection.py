"""A projection: a table derived from an event log by one SELECT, and how its rows combine.

The statement ``name`` of the pipeline's ``.sql`` file is that SELECT. It reads ``{log}``: the rows that
became new, or a month's partition for a rebuild or a check. What it returns for two sets of rows combines
column by column into what it returns for both, so that no order and no grouping of rows changes the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from processor import statements
from processor.statements import fill, identifier, identifiers

SQL: Final = statements.load(statements.FOLDER / "projections.sql")

LATEST_BY: Final = ("occurred_at", "source_id", "sequence_number", "sub_sequence")
"""These columns say which of two events is later: the time, and at equal times the delivery."""


@dataclass(frozen=True)
class Projection:
    """A derived table of this name. Its ``key`` holds ``month``, the first day of the month of arrival.

    ``adds`` are counts and sums. ``least`` and ``greatest`` are the first and the last of something.
    ``latest`` are columns of the latest event that has them. The columns ``LATEST_BY`` beside them say which
    event that is, and are all null if there is none yet.
    """

    kind: ClassVar[str]  # as pipeline_table has it

    name: str
    key: tuple[str, ...]
    adds: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    greatest: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all its columns."""
        return (*self.key, *self.adds, *self.least, *self.greatest, *self._of_latest)

    def upsert(self, select: str, relation: str) -> str:
        """Return the statement that combines the relation's rows with what is stored."""
        kinds = (
            ("add", self.adds),
            ("least", self.least),
            ("greatest", self.greatest),
            ("latest", self._of_latest),
        )
        changes = [SQL[kind].format(column=identifier(name)) for kind, names in kinds for name in names]
        return SQL["upsert"].format(**self._blanks(select, relation), changes=", ".join(changes))

    def fill(self, select: str, relation: str) -> str:
        """Return the statement that stores what the relation's rows give, if nothing is stored yet."""
        return SQL["fill"].format(**self._blanks(select, relation))

    def clear(self) -> str:
        """Return the statement that removes a month."""
        return SQL["clear"].format(table=identifier(self.name))

    def erase(self, student: str) -> str:
        """Return the statement that removes what is kept about students, whose ids are in this column."""
        return SQL["erase_derived"].format(table=identifier(self.name), student=identifier(student))

    def count_differences(self, select: str, relation: str) -> str:
        """Return the statement that compares a month with what the relation's rows give."""
        return SQL["count_differences"].format(**self._blanks(select, relation))

    @property
    def _of_latest(self) -> tuple[str, ...]:
        return (*LATEST_BY, *self.latest) if self.latest else ()

    def _blanks(self, select: str, relation: str) -> Mapping[str, str]:
        return {
            "table": identifier(self.name),
            "columns": identifiers(self.columns),
            "key": identifiers(self.key),
            "select": fill(select, {"log": identifier(relation)}),
        }


class Immediate(Projection):
    """Updated in the transaction of the events: it is exact at any moment, but every batch waits for it."""

    kind = "immediate"


class Deferred(Projection):
    """Updated by compaction, from a queue to which a batch adds one row: up to a minute old, nearly free."""

    kind = "deferred"
