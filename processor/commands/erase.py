"""Erasing students: first a plan, then one step after another, each of which may be repeated."""

from collections.abc import Sequence
from typing import Final

import msgspec

from processor.commands import erasing
from processor.commands.command import Command
from processor.commands.erasing import SQL, Students, Tombstone
from processor.records.mentions import spellings
from processor.settings import Settings
from processor.storage.session import Session
from processor.storage.tombstones import read_tombstones

IN_REJECTED: Final = "rejected_event"


class ErasePlanAnswer(msgspec.Struct):
    """How many rows each table has about the students.

    For ``rejected_event``, this counts the rows that may hold an id. ``hashes`` are those of the students in
    their order, ``key`` names the key they are made with, and ``tombstones`` are those that exist already.
    """

    rows: dict[str, int]
    hashes: list[str]
    key: str
    tombstones: list[Tombstone]


class ErasePlan(Command[ErasePlanAnswer], tag="erase_plan", kw_only=True):
    """Tell what erasing students would remove, without changing anything."""

    students: Students

    async def run(self, session: Session, settings: Settings) -> ErasePlanAnswer:
        """Count table by table."""
        connection = session.connection
        tombstones = await read_tombstones(connection)
        hashes = [tombstones.hash_of(student) for student in self.students]
        rows = await erasing.count(connection, settings.pipelines, self.students)
        rows[IN_REJECTED] = await connection.fetchval(SQL["count_rejected"], _written(self.students))
        return ErasePlanAnswer(
            erasing.as_counts(rows),
            [one.hex() for one in hashes],
            tombstones.key_name,
            await erasing.buried(connection, hashes),
        )


def _written(students: Sequence[str]) -> list[bytes]:
    """Return the bytes as which ids may occur in a record: in UTF-8, escaped, and in either UTF-16."""
    spelt = [spelling for student in students for spelling in spellings(student)]
    return [*(text.encode() for text in spelt), *(text.encode("utf-16-le")[:-1] for text in students)]


class EraseAnswer(msgspec.Struct):
    """What one step removed: the ``step`` in words, and rows by table. The next call's ``after`` is ``next``.

    Call again until ``done`` says that nothing is left.
    """

    step: str
    rows: dict[str, int]
    next: str | None
    done: bool


class Erase(Command[EraseAnswer], tag="erase", kw_only=True):
    """Take one step of erasing students.

    The first step makes sure that nothing about them can be stored any more. Each further call then removes a
    month of an event log, then the rows of other tables, then rejected records from ``after`` on. Without
    ``after`` it looks for the next step from the beginning, so it can go on after any interruption.
    """

    students: Students
    after: str | None = None

    async def run(self, session: Session, settings: Settings) -> EraseAnswer:
        """Take the first step that has something to do."""
        connection = session.connection
        if self.after is not None:
            return await self._rejected(session, settings, self.after)
        tombstones = await read_tombstones(connection)
        if await erasing.bury_students(connection, tombstones, self.students):
            return EraseAnswer("tombstones", {"tombstone": len(self.students)}, None, done=False)
        async for pipeline, month in erasing.months(connection, settings.pipelines, self.students):
            column = str(pipeline.student)
            rows = await pipeline.upkeep.erase(connection, month, column, self.students)
            step = f"{pipeline.name} of {month.begins:%Y-%m}"
            return EraseAnswer(step, erasing.as_counts(rows), None, done=False)
        rows = await erasing.erase_rows(connection, settings.pipelines, tombstones, self.students)
        return EraseAnswer("other tables", erasing.as_counts(rows), erasing.FIRST_REJECTED, done=False)

    async def _rejected(self, session: Session, settings: Settings, after: str) -> EraseAnswer:
        tombstones = await read_tombstones(session.connection)
        removed, ended = await erasing.erase_rejected(
            session.connection, settings.pipelines, tombstones, after
        )
        rows = erasing.as_counts({IN_REJECTED: removed})
        return EraseAnswer("rejected records", rows, ended, done=ended is None)
