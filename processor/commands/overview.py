"""All courses at a glance, and whether anything has changed since the last look."""

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from processor.commands.as_of import SQL, AsOf
from processor.insight.answers import CourseLine, HandedIn, Overview, Revision
from processor.settings import Settings
from processor.storage.session import Session

if TYPE_CHECKING:
    from asyncpg import Connection


class ShowOverview(AsOf[Overview], tag="overview"):
    """Say for every course how many students need attention, hand in work and are active."""

    async def run(self, session: Session, _: Settings) -> Overview:
        """Return the courses in the order of their ids."""
        as_of, fetch = self.as_of, session.connection.fetch
        courses = await fetch(SQL["overview"], as_of, self.as_teacher)
        work = _by_course(await fetch(SQL["latest_due_work"], as_of, self.as_teacher))
        weeks = _by_course(await fetch(SQL["weeks"], as_of, self.as_teacher))
        lines = [
            CourseLine(
                **course,
                handed_in=[
                    HandedIn(one["title"], one["done"], max(one["done"], course["students"]))
                    for one in work.get(course["id"], [])
                ],
                by_week=_each_week(weeks.get(course["id"], [])),
            )
            for course in courses
        ]
        return Overview(as_of, courses=lines, **await last_event(session.connection))


class ShowRevision(AsOf[Revision], tag="revision"):
    """Tell whether any answer may have changed, by a text that then changes."""

    async def run(self, session: Session, _: Settings) -> Revision:
        """Return the text."""
        return Revision(await session.connection.fetchval(SQL["revision"]))


async def last_event(connection: "Connection") -> dict[str, Any]:
    """Return when the latest compacted event happened and how often there usually is one, if any did."""
    [row] = await connection.fetch(SQL["last_event"])
    return dict(row)


def _by_course(rows: list[Any]) -> dict[str, list[Any]]:
    return {course: list(group) for course, group in groupby(rows, key=itemgetter("course"))}


def _each_week(rows: list[Any]) -> list[int]:
    """Return the events of each week from the first that has any, the oldest first."""
    if not rows:
        return []
    events = {row["weeks_ago"]: row["events"] for row in rows}
    return [events.get(week, 0) for week in range(max(events), -1, -1)]
