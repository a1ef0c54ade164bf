"""Counts events that are published again although retention has dropped their month."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from processor.commands.status import Status
from spm.aws.target import Connection
from spm.errors import OperationRefusedError
from spm.publishing.put_records import Entry

Months = Counter[tuple[int, int]]
"""How many events happened in each year and month (UTC)."""


class InDroppedMonths(NamedTuple):
    """How many events happened in months that were dropped, and the first month that is kept."""

    events: int
    kept_from: date


NONE = InDroppedMonths(0, date.min)


def by_month(entries: Iterable[Entry], months: Months) -> Iterator[Entry]:
    """Yield the entries, and count them by month."""
    for entry in entries:
        if entry.occurred_at is not None:
            months[entry.occurred_at.year, entry.occurred_at.month] += 1
        yield entry


def in_dropped_months(connection: Connection, months: Months) -> InDroppedMonths:
    """Return how many of the events happened in months that retention has dropped.

    The database is asked only if some happened before this month. The answer is none if whoever publishes may
    not ask the database, or if it is away, because that is no reason not to publish.
    """
    today = datetime.now(UTC)
    if not months or min(months) >= (today.year, today.month):
        return NONE
    try:
        kept = connection.commands.run(Status(pipeline=connection.stack.pipeline.name)).dropped_before
    except (ClientError, BotoCoreError, OperationRefusedError):
        return NONE
    if kept is None:
        return NONE
    return InDroppedMonths(sum(n for month, n in months.items() if month < (kept.year, kept.month)), kept)
