"""Rejected events page by page: what listing and redriving them have in common."""

import re
from datetime import datetime
from typing import Annotated, Final, Generic

import msgspec
from asyncpg import Connection, Record

from processor import statements
from processor.commands.command import A, Command, in_utc
from processor.errors import CommandError

SQL = statements.load(statements.FOLDER / "quarantine.sql")

LARGEST_INTEGER: Final = 2**31 - 1
_CURSOR: Final = re.compile(r"([0-9]{1,10})/([^/]+)/([0-9]{1,10})")


class RejectedRow(msgspec.Struct, kw_only=True):
    """A rejected event with what was sent."""

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


class Filter(Command[A], Generic[A], kw_only=True):
    """Which rejected events; what is absent does not narrow. ``after``: the ``next`` of the page before."""

    pipeline: str | None = None
    reason: str | None = None
    stream_arn: str | None = None
    shard_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    redriven: bool | None = None
    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100


async def page(connection: Connection, wanted: Filter[A]) -> list[Record]:
    """Return up to ``limit`` rejected events, in the order of their delivery."""
    rows: list[Record] = await connection.fetch(
        SQL["page"],
        wanted.reason,
        wanted.stream_arn,
        wanted.shard_id,
        in_utc("since", wanted.since),
        in_utc("until", wanted.until),
        wanted.redriven,
        *(_position(wanted.after) if wanted.after is not None else (None, None, None)),
        wanted.pipeline,
        wanted.limit,
    )
    return rows


async def mark_redriven(connection: Connection, row: Record) -> None:
    """Say of a rejected event that its events are stored."""
    key = row["source_id"], row["sequence_number"], row["sub_sequence"]
    await connection.execute(SQL["mark_redriven"], *key)


def cursor(row: Record) -> str:
    """Return what gives the page that begins after the row."""
    return f"{row['source_id']}/{row['sequence_number']}/{row['sub_sequence']}"


def shown(row: Record) -> RejectedRow:
    """Return the row as it is answered."""
    return RejectedRow(**{name: row[name] for name in RejectedRow.__struct_fields__})


def _position(after: str) -> tuple[int, str, int]:
    match = _CURSOR.fullmatch(after)
    if match is None or max(int(match[1]), int(match[3])) > LARGEST_INTEGER:
        raise CommandError(f"after is {after!r}: use the `next` of the page before")
    return int(match[1]), match[2], int(match[3])
