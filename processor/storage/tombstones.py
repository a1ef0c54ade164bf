"""Students who were erased, as a writer knows them: nothing of theirs is stored again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from zlib import crc32

from processor import statements
from processor.records.kinesis import Decoded, Event
from processor.records.tokens import tokens

if TYPE_CHECKING:
    from asyncpg import Connection

SQL: Final = statements.load(statements.FOLDER / "tombstones.sql")

EVER: Final = datetime.max.replace(tzinfo=UTC)
NEVER: Final = datetime.min.replace(tzinfo=UTC)

StudentOf = Callable[[Event], str | None]


@dataclass(frozen=True)
class Tombstones:
    """Those of an epoch: by the keyed hash of a student's id, until when what occurs is refused.

    ``marks`` are the marks of these students. One is None if it is not known, and then anybody may be erased.
    """

    epoch: int
    key: bytes
    refused_until: Mapping[bytes, datetime]
    marks: frozenset[int | None]

    def __bool__(self) -> bool:
        """Whether any student was erased."""
        return bool(self.refused_until)

    @property
    def key_name(self) -> str:
        """What tells this key from others, without telling the key."""
        return blake2b(self.key, digest_size=8).hexdigest()

    def hash_of(self, student: str) -> bytes:
        """Return what the student is known by once they are erased."""
        keyed = self._keyed.copy()
        keyed.update(student.encode(errors="surrogatepass"))
        return keyed.digest()

    def marks_of(self, students: Iterable[str]) -> list[int]:
        """Return the mark of each student: 32 bits that two students rarely share.

        A mark takes a fraction of the time of a hash, so students are hashed only if one of them has the mark
        of an erased student. It is a CRC, so it must not leave the database: with one id and its mark,
        anybody can compute all other marks.
        """
        return [crc32(student.encode("utf-8", "surrogatepass"), self._first_mark) for student in students]

    def without(self, decoded: Decoded, student_of: StudentOf | None) -> Decoded:
        """Return what is left without events of erased students and rejections that hold their id."""
        events, rejections, records = decoded
        if student_of and (until := self._erased(map(student_of, events))):
            events = [e for e in events if e.columns.occurred_at >= until.get(student_of(e), NEVER)]
        if rejections:
            rejections = [no for no in rejections if not self.mentioned(no.payload, no.arrived_at)]
        return Decoded(events, rejections, records)

    def mentioned(self, payload: bytes, at: datetime) -> bool:
        """Tell whether bytes that arrived at this time hold the id of an erased student."""
        return any(at < until for until in self._erased(tokens(payload)).values())

    @cached_property
    def _keyed(self) -> "blake2b":
        """The hash that has taken in the key; copying it is quicker than keying a new one."""
        return blake2b(key=self.key, digest_size=32)

    @cached_property
    def _first_mark(self) -> int:
        """What every mark begins with, so that nobody without the key can compute one."""
        return int.from_bytes(blake2b(b"mark", key=self.key, digest_size=4).digest())

    def _erased(self, students: Iterable[str | None]) -> Mapping[str | None, datetime]:
        """Return until when what is of these is refused, of those that were erased."""
        asked = {student for student in students if student is not None}
        if None not in self.marks and self.marks.isdisjoint(self.marks_of(asked)):
            return {}
        found = ((student, self.refused_until.get(self.hash_of(student))) for student in asked)
        return {student: until for student, until in found if until is not None}


async def read_tombstones(connection: "Connection") -> Tombstones:
    """Return those that are there now."""
    rows = await connection.fetch(SQL["known"])
    until = {row["hash"]: row["lifted_at"] or EVER for row in rows if row["hash"]}
    marks = frozenset(row["mark"] for row in rows if row["hash"])
    return Tombstones(rows[0]["epoch"], rows[0]["key"], until, marks)


async def read_epoch(connection: "Connection") -> int:
    """Return the epoch; whoever erases a student waits until the transaction that read it has ended."""
    epoch: int = await connection.fetchval(SQL["epoch"])
    return epoch
