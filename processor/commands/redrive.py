"""Redrives rejected events: decodes the kept bytes again with today's code."""

import msgspec
from asyncpg import Record

from processor.commands import quarantine
from processor.commands.quarantine import RejectedRow
from processor.commands.room import fitting
from processor.pipeline import Pipeline
from processor.pipelines import named
from processor.records.kinesis import Decoded, Rejection, decode_again, month_of
from processor.settings import Settings
from processor.storage.session import Session, Source
from processor.storage.writer import Saved, Writer


class RedriveAnswer(msgspec.Struct, kw_only=True):
    """What became of a page of rejected events. ``next`` is None on the last page.

    ``still_rejected`` has today's reasons.
    """

    examined: int
    stored: int
    duplicates: int
    expired: int
    erased: int
    still_rejected: list[RejectedRow]
    next: str | None


class Redrive(quarantine.Page[RedriveAnswer], tag="redrive"):
    """Store what decodes today. A dry run only says what would happen.

    This leaves out what was dismissed. With ``dismissed``, it takes only that.
    """

    dry_run: bool = False

    async def run(self, session: Session, settings: Settings) -> RedriveAnswer:
        """Decode a page of rejected events again and store what can be, under the original identities.

        Each is stored and marked in one transaction; what was stored before counts as a duplicate.
        """
        waiting = msgspec.structs.replace(self, redriven=False, dismissed=self.dismissed or False)
        found = await quarantine.page(session.connection, waiting)
        rows = found[: len(fitting(quarantine.shown(row) for row in found))]
        done = Saved()
        still: list[RejectedRow] = []
        for row in rows:
            saved, no = await self._redrive(session, named(settings.pipelines, row["pipeline"]), row)
            done = done.plus(saved)
            if no is not None:
                shown = quarantine.shown(row)
                still.append(msgspec.structs.replace(shown, reason=no.reason, detail=no.detail))
        more = len(rows) < len(found) or len(found) == self.limit
        return RedriveAnswer(
            examined=len(rows),
            stored=done.stored,
            duplicates=done.duplicates,
            expired=done.expired,
            erased=done.erased,
            still_rejected=still,
            next=quarantine.cursor(rows[-1]) if more else None,
        )

    async def _redrive(
        self, session: Session, pipeline: Pipeline, row: Record
    ) -> tuple[Saved, Rejection | None]:
        """Return what became of one rejected event's events, or why it stays rejected."""
        kept = Rejection(*(row[name] for name in Rejection._fields))
        decoded = decode_again(kept, pipeline.parser(row["stream_arn"]))
        if decoded.rejections:
            return Saved(), decoded.rejections[0]
        saved = await self._store(session, pipeline, row, decoded)
        return (Saved(), kept) if saved.refused else (saved, None)

    async def _store(self, session: Session, pipeline: Pipeline, row: Record, decoded: Decoded) -> Saved:
        """Store the events and mark the rejection, unless PostgreSQL refuses one of them.

        What holds events of a student who was erased is not kept, even if other events stand beside them.

        A dry run does the same and rolls it back: only PostgreSQL knows what it takes.
        """
        source, months = Source(row["stream_arn"], row["shard_id"]), frozenset([month_of(row["arrived_at"])])
        transaction = session.connection.transaction()
        await transaction.start()
        try:
            saved = await Writer(pipeline, source, months, [decoded]).write(session)
            if saved.erased and not saved.refused:
                await quarantine.forget(session.connection, row)
            elif not saved.refused:
                await quarantine.mark_redriven(session.connection, row)
        except BaseException:
            await transaction.rollback()
            raise
        if self.dry_run:
            await transaction.rollback()
            session.forget()  # what was made on the way is gone again
        else:
            await transaction.commit()
        return saved
