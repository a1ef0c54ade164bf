"""Tombstones of erased students: putting them up again after a restore, and lifting them."""

from typing import Annotated

import msgspec

from processor.commands import erasing
from processor.commands.command import Command, in_utc
from processor.commands.erasing import Place, Students, Tombstone
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.session import Session
from processor.storage.tombstones import read_tombstones

Given = Annotated[list[Tombstone], msgspec.Meta(min_length=1, max_length=1_000)]


class EraseAgainAnswer(msgspec.Struct):
    """The students of these tombstones who are in the database; ``lifted`` are those who came back since."""

    students: list[str]
    lifted: list[str]


class EraseAgain(Command[EraseAgainAnswer], tag="erase_again", kw_only=True):
    """Put up tombstones again, and find their students, because after a restore they may be back.

    ``key`` names the key that the tombstones were made with.
    """

    key: str
    tombstones: Given

    async def run(self, session: Session, settings: Settings) -> EraseAgainAnswer:
        """Put up the missing tombstones, then hash every student that any table names."""
        connection = session.connection
        known = await read_tombstones(connection)
        if self.key != known.key_name:
            raise CommandError(
                "these tombstones were made with the key of another database, so that nobody can be found by "
                "them: erase the students by their ids"
            )
        given = [_in_utc(one) for one in self.tombstones]
        await erasing.bury(connection, given, [None] * len(given))
        lifted = {one.hash: one.lifted_at is not None for one in self.tombstones}
        found: dict[str, bool] = {}
        logs = [Place(pipeline.table, column) for pipeline, column in erasing.of_students(settings.pipelines)]
        for place in [*logs, *erasing.places(settings.pipelines), Place("access_log", "student_id")]:
            for row in await connection.fetch(erasing.of_place("students", place)):
                if (one := known.hash_of(row["student"]).hex()) in lifted:
                    found[row["student"]] = lifted[one]
        return EraseAgainAnswer(
            sorted(student for student, is_lifted in found.items() if not is_lifted),
            sorted(student for student, is_lifted in found.items() if is_lifted),
        )


def _in_utc(given: Tombstone) -> Tombstone:
    """Return the tombstone with its times in UTC; raise CommandError for an impossible year."""
    erased_at = in_utc("erased_at", given.erased_at)
    assert erased_at is not None  # noqa: S101 - for the type checker: a time gives a time
    return Tombstone(given.hash, erased_at, in_utc("lifted_at", given.lifted_at))


class EraseLiftAnswer(msgspec.Struct):
    """The tombstones of the students as they are now; ``key`` names the key that they are made with."""

    tombstones: list[Tombstone]
    key: str


class EraseLift(Command[EraseLiftAnswer], tag="erase_lift", kw_only=True):
    """Lift the tombstones of students who come back; events from before are still refused."""

    students: Students

    async def run(self, session: Session, _: Settings) -> EraseLiftAnswer:
        """Lift them; raise CommandError if one of the students was not erased."""
        connection = session.connection
        tombstones = await read_tombstones(connection)
        hashes = [tombstones.hash_of(student) for student in self.students]
        there = {one.hash for one in await erasing.buried(connection, hashes)}
        for student, one in zip(self.students, hashes, strict=True):
            if one.hex() not in there:
                raise CommandError(f"{student} was not erased: there is nothing to lift")
        await erasing.lift(connection, hashes, tombstones.marks_of(self.students))
        return EraseLiftAnswer(await erasing.buried(connection, hashes), tombstones.key_name)
