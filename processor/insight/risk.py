"""Evaluates courses: turns measures and rules into rows of ``risk`` and ``risk_change``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from processor import statements
from processor.insight.levels import NONE, level
from processor.insight.measures import Measures, Rules
from processor.insight.reasons import addends, reasons, total

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SQL: Final = statements.load(statements.FOLDER / "risk.sql")

_measured: Final = itemgetter(*Measures._fields)


class Judgement(NamedTuple):
    """What was found about a student, and the previous level. ``reasons`` are a JSON array."""

    student: str
    score: Decimal
    level: str
    reasons: str
    since: datetime
    before: str


@dataclass(frozen=True)
class Evaluated:
    """How many courses were evaluated, rows of students written, and levels changed."""

    courses: int = 0
    written: int = 0
    changes: int = 0

    def plus(self, other: "Evaluated") -> "Evaluated":
        """Return the sums."""
        return Evaluated(
            self.courses + other.courses, self.written + other.written, self.changes + other.changes
        )


async def evaluate_due(connection: "Connection", as_of: datetime) -> Evaluated:
    """Evaluate every course that is due, each in a transaction of its own."""
    done = Evaluated()
    for course in await connection.fetch(SQL["courses_due"], as_of, None):
        done = done.plus(await evaluate(connection, course["id"], as_of))
    return done


async def evaluate(connection: "Connection", course: str, as_of: datetime) -> Evaluated:
    """Evaluate a course if it is due, after waiting for anybody who is already evaluating it."""
    async with connection.transaction():
        await connection.execute(SQL["lock"], course)
        if not await connection.fetch(SQL["courses_due"], as_of, course):
            return Evaluated()
        # This comes first, so that a later change has another revision and is left to the next evaluation.
        revision = await connection.fetchval(SQL["revision"], course)
        rules = Rules(**{row["name"]: row["value"] for row in await connection.fetch(SQL["rules"], course)})
        await connection.execute(SQL["no_loops"])
        rows = await connection.fetch(
            SQL["measure"],
            course,
            as_of,
            rules.missing_grace_hours,
            rules.rank_fewest_scores,
            rules.silent_days,
        )
        settled = await connection.fetchval(SQL["is_settled"], course, as_of)
        changed = [judged for row in rows if (judged := _judge(row, rules, as_of, settled=settled))]
        ended = await _write(connection, course, as_of, changed, [row["student"] for row in rows])
        await connection.execute(SQL["summarize"], course, as_of, len(rows))
        await connection.execute(SQL["note"], course, revision, as_of)
    return Evaluated(1, len(changed), ended + sum(judged.level != judged.before for judged in changed))


def _judge(row: "Record", rules: Rules, as_of: datetime, *, settled: bool) -> Judgement | None:
    """Return what to write about the student, or None if everything is as it was before.

    In a course that is not ``settled`` yet, a level is left at the score at which it is entered.
    """
    measures = Measures(*_measured(row))
    found = addends(measures, rules)
    score, told = total(found), reasons(found, rules)
    before: str = row["level"] or NONE
    now = level(before if settled else NONE, score, rules)
    is_as_before = row["level"] == now and row["score"] == score
    if is_as_before and msgspec.json.decode(row["reasons"]) == told:
        return None
    since = row["since"] if row["level"] == now else as_of
    return Judgement(measures.student, score, now, msgspec.json.encode(told).decode(), since, before)


async def _write(
    connection: "Connection",
    course: str,
    as_of: datetime,
    changed: Sequence[Judgement],
    enrolled: Sequence[str],
) -> int:
    """Write what changed, and return for how many students who left the level changed."""
    if changed:
        columns = _columns((row.student, row.score, row.level, row.reasons, row.since) for row in changed)
        await connection.execute(SQL["write"], course, as_of, *columns)
    if levels := [row for row in changed if row.level != row.before]:
        columns = _columns((row.student, row.before, row.level, row.score, row.reasons) for row in levels)
        await connection.execute(SQL["write_changes"], course, as_of, *columns)
    ended = await connection.execute(SQL["end_for_those_who_left"], course, as_of, enrolled)
    return int(ended.rpartition(" ")[2])


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
