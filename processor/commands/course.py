"""One course: who needs attention, how its work is done, and when people work."""

from typing import Any

import msgspec

from processor.commands.as_of import SQL, AsOf
from processor.commands.command import About
from processor.commands.overview import last_event
from processor.errors import CommandError
from processor.insight.answers import Attendance, Attention, CoursePage, Lessons, Reason, Work
from processor.settings import Settings
from processor.storage.session import Session


class ShowCourse(AsOf[CoursePage], tag="course", kw_only=True):
    """Describe one course. This is refused if there is no such course that the asker may see."""

    course: str

    def about(self) -> About:
        """Return the course."""
        return About(None, self.course)

    async def run(self, session: Session, _: Settings) -> CoursePage:
        """Return the course as of then."""
        asked = (self.as_of, self.as_teacher, self.course)
        fetch = session.connection.fetch
        found = await fetch(SQL["course"], self.as_teacher, self.course)
        if not found:
            raise CommandError(f"there is no course {self.course} that you may see")
        [people] = await fetch(SQL["students_of_course"], *asked)
        students, active, *lessons = people.values()
        return CoursePage(
            **found[0],
            as_of=self.as_of,
            **await last_event(session.connection),
            students=students,
            active=active,
            attention=[
                _attention(row) for row in await fetch(SQL["attention"], self.as_teacher, self.course)
            ],
            work=[Work(**row, of=students) for row in await fetch(SQL["work_of_course"], *asked)],
            hours=_week(await fetch(SQL["hours_of_course"], *asked)),
            attendance=Attendance(*lessons) if any(lessons) else None,
            lessons=[Lessons(**row) for row in await fetch(SQL["lessons_of_course"], *asked)],
        )


def reasons_of(stored: str | None) -> list[Reason]:
    """Return reasons as the table holds them, of which a page shows the rule and the sentence."""
    return msgspec.json.decode(stored, type=list[Reason]) if stored else []


def _attention(row: Any) -> Attention:  # noqa: ANN401 - asyncpg's rows are untyped
    return Attention(**{**row, "score": float(row["score"]), "reasons": reasons_of(row["reasons"])})


def _week(rows: list[Any]) -> list[list[int]]:
    hours = [[0] * 24 for _ in range(7)]
    for row in rows:
        hours[row["weekday"] - 1][row["hour"]] = row["events"]
    return hours
