"""Students who were erased, as a writer knows them: nothing of theirs is stored again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from processor import statements
from processor.records.kinesis import Decoded, Event
from processor.records.tokens import tokens

if TYPE_CHECKING:
    from asyncpg import Connection

SQL: Final = statements.load(statements.FOLDER / "tombstones.sql")

MOST_REMEMBERED: Final = 100_000  # students of whom it is known that they were not erased
EVER: Final = datetime.max.replace(tzinfo=UTC)
NEVER: Final = datetime.min.replace(tzinfo=UTC)

StudentOf = Callable[[Event], str | None]


@dataclass(frozen=True)
class Tombstones:
    """Those of an epoch: by the keyed hash of a student's id, until when what occurs is refused."""

    epoch: int
    key: bytes
    refused_until: Mapping[bytes, datetime]
    _not_erased: set[str | None] = field(default_factory=lambda: {None}, compare=False, repr=False)

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

    def without(self, decoded: Decoded, student_of: StudentOf | None) -> Decoded:
        """Return what is left without events of erased students and rejections that hold their id."""
        events, rejections, records = decoded
        if student_of and (until := self._erased(set(map(student_of, events)))):
            events = [e for e in events if e.columns.occurred_at >= until.get(student_of(e), NEVER)]
        if rejections:
            rejections = [no for no in rejections if not self.mentioned(no.payload, no.arrived_at)]
        return Decoded(events, rejections, records)

    def mentioned(self, payload: bytes, at: datetime) -> bool:
        """Tell whether bytes that arrived at this time hold the id of an erased student."""
        found = map(self.refused_until.get, map(self.hash_of, tokens(payload)))
        return any(until is not None and at < until for until in found)

    @cached_property
    def _keyed(self) -> "blake2b":
        """The hash that has taken in the key; copying it is quicker than keying a new one."""
        return blake2b(key=self.key, digest_size=32)

    def _erased(self, students: set[str | None]) -> Mapping[str | None, datetime]:
        """Return until when what is of these is refused, of those that were erased; hash nobody twice."""
        erased: dict[str | None, datetime] = {}
        for student in students - self._not_erased:
            assert student is not None  # noqa: S101 - for the type checker: None was taken away
            if until := self.refused_until.get(self.hash_of(student)):
                erased[student] = until
            elif len(self._not_erased) < MOST_REMEMBERED:
                self._not_erased.add(student)
        return erased


async def read_tombstones(connection: "Connection") -> Tombstones:
    """Return those that are there now."""
    rows = await connection.fetch(SQL["known"])
    until = {row["hash"]: row["lifted_at"] or EVER for row in rows if row["hash"]}
    return Tombstones(rows[0]["epoch"], rows[0]["key"], until)


async def read_epoch(connection: "Connection") -> int:
    """Return the epoch; whoever erases a student waits until the transaction that read it has ended."""
    epoch: int = await connection.fetchval(SQL["epoch"])
    return epoch
