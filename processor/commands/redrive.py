"""Redriving rejected events: decoding the kept bytes again with today's code."""

from typing import Any

import msgspec
from asyncpg import Record

from processor import store
from processor.commands import quarantine
from processor.connection import Session, Source
from processor.decode import Decoded
from processor.pipeline import Parse, Pipeline
from processor.pipelines import named
from processor.settings import Settings


class Redrive(quarantine.Filter, tag="redrive"):
    """Store what decodes today; a dry run only tells what would happen."""

    dry_run: bool = False

    async def run(self, session: Session, settings: Settings) -> dict[str, Any]:
        """Decode a page of rejected events again and store what can be, under the original identities.

        Each is stored and marked in one transaction; what was stored before counts as a duplicate.
        """
        rows = await quarantine.page(session.connection, msgspec.structs.replace(self, redriven=False))
        done = store.Saved()
        still: list[dict[str, Any]] = []
        for row in rows:
            pipeline = named(settings.pipelines, row["pipeline"])
            decoded = _decode_again(row, pipeline.parser(row["stream_arn"]))
            why = next(((no.reason, no.detail) for no in decoded.rejections), None)
            if why is None and not await _store(session, pipeline, row, decoded, done, dry_run=self.dry_run):
                why = (row["reason"], row["detail"])
            if why is not None:
                still.append(quarantine.shown(row) | {"reason": why[0], "detail": why[1]})
        return {
            "examined": len(rows),
            "stored": done.stored,
            "duplicates": done.duplicates,
            "still_rejected": still,
            "next": quarantine.cursor(rows[-1]) if len(rows) == self.limit else None,
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
            await quarantine.mark_redriven(session.connection, row)
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
