"""Looking at rejected events, and redriving them: decoding the kept bytes again with today's code."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from asyncpg import Record

from processor import statements, store
from processor.connection import Session, Source
from processor.decode import Decoded
from processor.errors import CommandError
from processor.pipeline import Parse, Pipeline
from processor.pipelines import Pipelines, named

SQL = statements.load(statements.FOLDER / "quarantine.sql")

# Of payloads; base64 makes a third more of them, and Lambda's answers end at 6 MB.
PAGE_BYTES = 3_500_000

Limit = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Filter(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which rejected events; what is absent does not narrow. ``after``: the ``next`` of the page before."""

    pipeline: str | None = None
    reason: str | None = None
    stream_arn: str | None = None
    shard_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    redriven: bool | None = None
    after: str | None = None
    limit: Limit = 100


class Rejected(Filter, tag="rejected", tag_field="command"):
    """List rejected events with their payloads."""


class Redrive(Filter, tag="redrive", tag_field="command"):
    """Store what decodes today; a dry run only tells what would happen."""

    dry_run: bool = False


async def rejected(session: Session, _: Pipelines, wanted: Rejected) -> dict[str, Any]:
    """Return a page of rejected events, in the order of their delivery; ``next`` is None on the last."""
    rows = await _page(session, wanted)
    fitting = _fitting(rows)
    more = len(fitting) < len(rows) or len(rows) == wanted.limit
    return {"rejected": [_shown(row) for row in fitting], "next": _cursor(fitting[-1]) if more else None}


async def redrive(session: Session, pipelines: Pipelines, wanted: Redrive) -> dict[str, Any]:
    """Decode a page of rejected events again and store what can be, under the original identities.

    Each is stored and marked in one transaction; what was stored before counts as a duplicate.
    """
    wanted.redriven = False
    rows = await _page(session, wanted)
    done = store.Saved()
    still: list[dict[str, Any]] = []
    for row in rows:
        pipeline = named(pipelines, row["pipeline"])
        decoded = _decode_again(row, pipeline.parser(row["stream_arn"]))
        why = next(((no.reason, no.detail) for no in decoded.rejections), None)
        if why is None and not await _store(session, pipeline, row, decoded, done, dry_run=wanted.dry_run):
            why = (row["reason"], row["detail"])
        if why is not None:
            still.append(_shown(row) | {"reason": why[0], "detail": why[1]})
    return {
        "examined": len(rows),
        "stored": done.stored,
        "duplicates": done.duplicates,
        "still_rejected": still,
        "next": _cursor(rows[-1]) if len(rows) == wanted.limit else None,
    }


async def _store(
    session: Session,
    pipeline: Pipeline,
    row: Record,
    decoded: Decoded,
    done: store.Saved,
    *,
    dry_run: bool,
) -> bool:
    """Store one rejected event's events and mark it; return False where PostgreSQL refuses one of them.

    A dry run does the same and rolls it back: only PostgreSQL knows what it takes.
    """
    source = Source(row["stream_arn"], row["shard_id"])
    transaction = session.connection.transaction()
    await transaction.start()
    try:
        saved = await store.save(session, pipeline, source, decoded)
        if not saved.refused:
            await session.connection.execute(
                SQL["mark_redriven"], row["source_id"], row["sequence_number"], row["sub_sequence"]
            )
    except BaseException:
        await transaction.rollback()
        raise
    if dry_run:
        await transaction.rollback()
        session.months.clear()  # those made on the way are gone again
    else:
        await transaction.commit()
    if saved.refused:
        return False
    done.add(saved)
    return True


def _decode_again(row: Record, parse: Parse) -> Decoded:
    """Decode the kept bytes as the whole record they were, or as the one user record of an aggregate."""
    decoded = Decoded(parse)
    data, number, sub = row["payload"], row["sequence_number"], row["sub_sequence"]
    if sub:
        decoded.add_user_record(data, number, sub, row["arrived_at"])
    elif row["reason"] == "not_base64":
        decoded.add_base64(data.decode(errors="surrogatepass"), number, row["arrived_at"])
    else:
        decoded.add_data(data, number, row["arrived_at"])
    return decoded


async def _page(session: Session, wanted: Filter) -> list[Record]:
    after = wanted.after.split("/") if wanted.after else [None, None, None]
    if len(after) != 3:
        raise CommandError(f"after is {wanted.after!r}: use the `next` of the page before")
    rows: list[Record] = await session.connection.fetch(
        SQL["page"],
        wanted.reason,
        wanted.stream_arn,
        wanted.shard_id,
        wanted.since,
        wanted.until,
        wanted.redriven,
        *after,
        wanted.pipeline,
        wanted.limit,
    )
    return rows


def _fitting(rows: Sequence[Record]) -> Sequence[Record]:
    """Return as many rows as one answer of a Lambda function can carry, and at least one."""
    total = 0
    for count, row in enumerate(rows):
        total += len(row["payload"])
        if total > PAGE_BYTES and count:
            return rows[:count]
    return rows


def _cursor(row: Record) -> str:
    return f"{row['source_id']}/{row['sequence_number']}/{row['sub_sequence']}"


def _shown(row: Record) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(dict(row))  # bytes become base64, times RFC 3339
    del shown["source_id"]
    return shown
