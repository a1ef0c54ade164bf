"""Reads rejected events page by page, for listing and redriving them."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Generic

import msgspec

from processor import statements
from processor.commands.command import A, Command, in_utc
from processor.errors import CommandError
from processor.statements import fill

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SQL = statements.load(statements.FOLDER / "quarantine.sql")

LARGEST_INTEGER: Final = 2**31 - 1
_CURSOR: Final = re.compile(r"([0-9]{1,10})/([^/]+)/([0-9]{1,10})")


class RejectedRow(msgspec.Struct, kw_only=True):
    """A rejected event with its payload."""

    pipeline: str
    stream_arn: str
    shard_id: str
    sequence_number: str
    sub_sequence: int
    arrived_at: datetime
    reason: str
    detail: str
    payload: bytes
    rejected_at: datetime
    redriven_at: datetime | None
    dismissed_at: datetime | None
    dismissed_because: str | None


class Filter(Command[A], Generic[A], kw_only=True):
    """Chooses rejected events. Absent members do not restrict. ``sub_sequence`` needs ``sequence_number``."""

    pipeline: str | None = None
    reason: str | None = None
    stream_arn: str | None = None
    shard_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    redriven: bool | None = None
    dismissed: bool | None = None
    sequence_number: str | None = None
    sub_sequence: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)] = 0


class Page(Filter[A], Generic[A], kw_only=True):
    """A page of rejected events. ``after`` is the ``next`` of the previous page."""

    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100


def chosen(wanted: Filter[A]) -> tuple[object, ...]:
    """Return the parameters of the statement ``chosen``."""
    return (
        wanted.reason,
        wanted.stream_arn,
        wanted.shard_id,
        in_utc("since", wanted.since),
        in_utc("until", wanted.until),
        wanted.redriven,
        wanted.dismissed,
        wanted.pipeline,
        wanted.sequence_number,
        wanted.sub_sequence,
    )


async def page(connection: "Connection", wanted: Page[A]) -> "list[Record]":
    """Return up to ``limit`` rejected events, in the order of their delivery."""
    after = position(wanted.after) if wanted.after is not None else (None, None, None)
    rows: list[Record] = await connection.fetch(_filled("page"), *chosen(wanted), *after, wanted.limit)
    return rows


async def count(connection: "Connection", wanted: Filter[A]) -> int:
    """Return how many rejected events these are."""
    found: int = await connection.fetchval(_filled("count"), *chosen(wanted))
    return found


async def dismiss(connection: "Connection", wanted: Filter[A], because: str) -> int:
    """Dismiss rejected events with a reason, and return how many there were."""
    done: int = await connection.fetchval(_filled("dismiss"), *chosen(wanted), because)
    return done


async def mark_redriven(connection: "Connection", row: "Record") -> None:
    """Say of a rejected event that its events are stored."""
    key = row["source_id"], row["sequence_number"], row["sub_sequence"]
    await connection.execute(SQL["mark_redriven"], *key)


async def forget(connection: "Connection", row: "Record") -> None:
    """Delete a rejected event."""
    key = row["source_id"], row["sequence_number"], row["sub_sequence"]
    await connection.execute(SQL["forget"], *key)


def cursor(row: "Record") -> str:
    """Return what gives the page that begins after the row."""
    return f"{row['source_id']}/{row['sequence_number']}/{row['sub_sequence']}"


def shown(row: "Record") -> RejectedRow:
    """Return the row as it is answered."""
    return RejectedRow(**{name: row[name] for name in RejectedRow.__struct_fields__})


def _filled(name: str) -> str:
    return fill(SQL[name], {"chosen": SQL["chosen"]})


def position(after: str) -> tuple[int, str, int]:
    """Return the key in a cursor. Raise CommandError if it is not a cursor."""
    match = _CURSOR.fullmatch(after)
    if match is None or max(int(match[1]), int(match[3])) > LARGEST_INTEGER:
        raise CommandError(f"after is {after!r}: use the `next` of the previous page")
    return int(match[1]), match[2], int(match[3])
