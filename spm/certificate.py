"""The certificate of an erasure: what was removed, and what remains where until when."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from processor.commands.erasing import Tombstone


class ErasedStudent(msgspec.Struct):
    """A student, and the tombstone that keeps anything about them from being stored."""

    student: str
    tombstone: Tombstone


class Remaining(msgspec.Struct):
    """Where something of the students remains; ``until`` is None if this system does not decide that."""

    where: str
    what: str
    until: datetime | None = None


class Certificate(msgspec.Struct):
    """What this run removed: rows by table, and versions of objects with failed records."""

    stack: str
    made_at: datetime
    students: list[ErasedStudent]
    removed: dict[str, int]
    failed_record_versions: int
    remains: list[Remaining]


def remaining(made_at: datetime, stream_hours: Mapping[str, int], left: Sequence[str]) -> list[Remaining]:
    """Return what nobody can erase, and how long it stays; ``left`` are objects that cannot be replayed."""
    streams = [
        Remaining(f"stream {name}", "events as they were sent", made_at + timedelta(hours=hours))
        for name, hours in stream_hours.items()
    ]
    return [
        *streams,
        Remaining("backups of the database", "everything, for backupRetentionDays (7); in snapshots longer"),
        Remaining("PostgreSQL's own log", "values that it refused, as long as that log is kept"),
        Remaining("access log", "who looked at whom, under the tombstone's hash"),
        Remaining("rejected records and metadata of others", "mentions of the student"),
        Remaining("outside this system", "alerts that were sent, exports, files that were published"),
        *(Remaining(f"object {name}", "failed records that cannot be replayed: look at it") for name in left),
    ]


def lines(certificate: Certificate) -> Iterator[str]:
    """Yield the certificate as people read it."""
    yield f"Erased from {certificate.stack} at {certificate.made_at:%Y-%m-%d %H:%M:%S} UTC"
    for erased in certificate.students:
        yield f"  {erased.student}"
        yield f"    tombstone {erased.tombstone.hash}"
        yield f"    of {erased.tombstone.erased_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "Removed"
    for table, rows in certificate.removed.items():
        yield f"  {rows:>9,}  {table}"
    yield f"  {certificate.failed_record_versions:>9,}  versions of objects with failed records"
    yield "Remains"
    for one in certificate.remains:
        until = f", until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else ""
        yield f"  {one.where}{until}: {one.what}"
