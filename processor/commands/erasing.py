"""Erasing students: where rows about them are, how they are removed, and tombstones that keep them out."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from processor import statements
from processor.commands import quarantine
from processor.pipelines import Pipelines
from processor.projections.upkeep import Month
from processor.records.kinesis import Rejection, decode_again
from processor.statements import fill, identifier
from processor.storage.tombstones import Tombstones
from processor.student_performance import PIPELINE as SHIPPED

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from processor.pipeline import Pipeline

SQL: Final = statements.load(statements.FOLDER / "erasing.sql")

Student = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Students = Annotated[list[Student], msgspec.Meta(min_length=1, max_length=100)]

FIRST_REJECTED: Final = "0/0/0"
"""The place before all rejected records."""
REJECTED_AT_ONCE: Final = 5_000
BYTES_AT_ONCE: Final = 64_000_000


class Place(NamedTuple):
    """A table, and its column with a student's id."""

    table: str
    column: str


SCHOOL: Final = (Place("enrolment", "person"), Place("person", "id"), Place("follow_up", "student"))
INSIGHT: Final = (
    Place("assessment_exception", "person"),
    Place("risk", "student"),
    Place("risk_change", "student"),  # and with it its alerts
    Place("student_activity", "student_id"),
)


class Tombstone(msgspec.Struct, frozen=True):
    """An erased student, by the hash in hexadecimal digits; ``lifted_at`` is when they came back."""

    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    erased_at: Time
    lifted_at: Time | None


async def buried(connection: "Connection", hashes: Sequence[bytes]) -> list[Tombstone]:
    """Return the existing tombstones with these hashes."""
    rows = await connection.fetch(SQL["buried"], hashes)
    return [Tombstone(row["hash"].hex(), row["erased_at"], row["lifted_at"]) for row in rows]


async def bury(
    connection: "Connection", tombstones: Sequence[Tombstone], marks: Sequence[int | None]
) -> bool:
    """Put up tombstones, and wait for transactions that are storing; tell whether one was missing.

    From then on nothing about these students is stored, because every writer sees the new epoch. A mark is
    None if it is not known; a tombstone that has one keeps it.
    """
    rows = [
        (bytes.fromhex(one.hash), one.erased_at, one.lifted_at, mark)
        for one, mark in zip(tombstones, marks, strict=True)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    if not await connection.fetchval(SQL["missing"], *columns):
        return False
    async with connection.transaction():
        await connection.execute(SQL["lock"])
        await connection.execute(SQL["bury"], *columns)
        await connection.execute(SQL["next_epoch"])
    return True


async def bury_students(connection: "Connection", tombstones: Tombstones, students: Sequence[str]) -> bool:
    """Put up the students' tombstones, also those that were lifted; tell whether one was missing."""
    hashes = [tombstones.hash_of(student) for student in students]
    kept = {one.hash: one for one in await buried(connection, hashes) if one.lifted_at is None}
    now = datetime.now(UTC)
    wanted = [kept.get(h.hex(), Tombstone(h.hex(), now, None)) for h in hashes]
    return await bury(connection, wanted, tombstones.marks_of(students))


async def lift(connection: "Connection", hashes: Sequence[bytes], marks: Sequence[int]) -> None:
    """Lift tombstones: what students do from now on is stored again, and what occurred before is not."""
    async with connection.transaction():
        await connection.execute(SQL["lock"])
        await connection.execute(SQL["lift"], hashes, marks, datetime.now(UTC))
        await connection.execute(SQL["next_epoch"])


def of_students(pipelines: Pipelines) -> Iterator[tuple["Pipeline", str]]:
    """Yield the pipelines whose events belong to students, each with the column that names the student."""
    for pipeline in pipelines.values():
        if pipeline.student:
            yield pipeline, pipeline.student


def places(pipelines: Pipelines) -> Iterator[Place]:
    """Yield every table that has rows about one student, except event logs."""
    for pipeline, column in of_students(pipelines):
        for projection in pipeline.upkeep.of_students(column)[0]:
            yield Place(projection.name, column)
    yield from SCHOOL
    if SHIPPED.name in pipelines:
        yield from INSIGHT


async def months(
    connection: "Connection", pipelines: Pipelines, students: Sequence[str]
) -> AsyncIterator[tuple["Pipeline", Month]]:
    """Yield the months of event logs that hold events of the students."""
    for pipeline, column in of_students(pipelines):
        for month in await pipeline.upkeep.months(connection):
            if await connection.fetchval(of_place("holds", Place(month.partition, column)), students):
                yield pipeline, month


async def count(connection: "Connection", pipelines: Pipelines, students: Sequence[str]) -> dict[str, int]:
    """Return how many rows each table has about the students."""
    logs = [Place(pipeline.table, column) for pipeline, column in of_students(pipelines)]
    counted = [*logs, *places(pipelines), Place("access_log", "student_id")]
    found = {one.table: await connection.fetchval(of_place("count", one), students) for one in counted}
    if SHIPPED.name in pipelines:
        found["alert"] = await connection.fetchval(SQL["count_alerts"], students)
    found["roster_chunk"] = await connection.fetchval(SQL["count_staged"], students)
    return found


async def erase_rows(
    connection: "Connection", pipelines: Pipelines, tombstones: Tombstones, students: Sequence[str]
) -> dict[str, int]:
    """Remove the rows of all other tables in one transaction; return how many each table had."""
    hidden = [tombstones.hash_of(student).hex() for student in students]
    removed: dict[str, int] = {}
    async with connection.transaction():
        if SHIPPED.name in pipelines:
            await connection.execute(SQL["lock_alerts"])
            courses = [row["course"] for row in await connection.fetch(SQL["courses"], students)]
            for course in courses:
                await connection.execute(SQL["lock_course"], course)
            removed["alert"] = await connection.fetchval(SQL["count_alerts"], students)
        for place in places(pipelines):
            removed[place.table] = rows_of(await connection.execute(of_place("delete", place), students))
        if SHIPPED.name in pipelines:
            await connection.execute(SQL["evaluate_again"], courses)
        removed["roster_chunk"] = rows_of(await connection.execute(SQL["unstage"], students))
        removed["access_log"] = rows_of(await connection.execute(SQL["hide_looks"], students, hidden))
    return removed


async def erase_rejected(
    connection: "Connection", pipelines: Pipelines, tombstones: Tombstones, after: str
) -> tuple[int, str | None]:
    """Remove erased students' rejected records after a place; return how many, and the place it got to."""
    seen, size, found = None, 0, []
    async with connection.transaction():
        place = quarantine.position(after)
        async for row in connection.cursor(SQL["rejected"], *place, REJECTED_AT_ONCE, prefetch=50):
            seen, size = row, size + len(row["payload"])
            if _is_of_erased(row, pipelines, tombstones):
                found.append((row["source_id"], row["sequence_number"], row["sub_sequence"]))
            if size > BYTES_AT_ONCE:
                break
        if found:
            await connection.execute(SQL["delete_rejected"], *map(list, zip(*found, strict=True)))
    return len(found), quarantine.cursor(seen) if seen else None


def _is_of_erased(row: "Record", pipelines: Pipelines, tombstones: Tombstones) -> bool:
    """Tell whether the bytes hold an id, or today's decoder finds an erased student's event in them."""
    kept = Rejection(*(row[name] for name in Rejection._fields))
    if tombstones.mentioned(kept.payload, kept.arrived_at):
        return True
    pipeline = pipelines.get(row["pipeline"])
    if pipeline is None or pipeline.student_of is None:
        return False
    decoded = decode_again(kept, pipeline.parser(row["stream_arn"]))
    return len(tombstones.without(decoded, pipeline.student_of).events) < len(decoded.events)


def of_place(name: str, place: Place) -> str:
    """Return the statement for a table."""
    return fill(SQL[name], {"table": identifier(place.table), "column": identifier(place.column)})


def rows_of(done: str) -> int:
    """Return how many rows a statement changed, from PostgreSQL's answer, such as ``DELETE 5``."""
    return int(done.rpartition(" ")[2])


def as_counts(*counted: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that are not zero, by table."""
    return {table: rows for one in counted for table, rows in one.items() if rows}
