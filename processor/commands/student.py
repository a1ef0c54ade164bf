"""One student in all courses, and the search that finds one."""

from typing import TYPE_CHECKING, Any

from processor.commands.as_of import SQL, AsOf
from processor.commands.command import About
from processor.commands.course import reasons_of
from processor.commands.overview import last_event
from processor.errors import CommandError
from processor.insight.answers import (
    Attendance,
    Found,
    RiskPoint,
    SearchAnswer,
    StudentCourse,
    StudentPage,
    StudentWork,
    TalkedTo,
)
from processor.settings import Settings
from processor.storage.session import Session

if TYPE_CHECKING:
    from asyncpg import Record


class ShowStudent(AsOf[StudentPage], tag="student", kw_only=True):
    """Tell of one student; refused where nobody of this id is in a course that the asker may see."""

    student: str

    def about(self) -> About:
        """Return the student."""
        return About(self.student, None)

    async def run(self, session: Session, _: Settings) -> StudentPage:
        """Return the student's courses as of then, in the order of their ids."""
        as_of, fetch = self.as_of, session.connection.fetch
        courses = await fetch(SQL["student"], self.as_teacher, self.student)
        if not courses:
            raise CommandError(f"there is no student {self.student} in a course that may be seen")
        ids = [course["id"] for course in courses]
        work = await fetch(SQL["work_of_student"], as_of, self.student, ids)
        changes = await fetch(SQL["changes_of_student"], as_of, self.student, ids)
        talks = await fetch(SQL["talks_of_student"], as_of, self.student, ids)
        return StudentPage(
            id=self.student,
            name=await session.connection.fetchval(SQL["name_of_student"], self.student),
            time_zone=courses[0]["time_zone"],
            as_of=as_of,
            **await last_event(session.connection),
            courses=[_course(course, work, changes, talks) for course in courses],
        )


class Search(AsOf[SearchAnswer], tag="search", kw_only=True):
    """Find students and courses by a part of their id or name."""

    text: str

    async def run(self, session: Session, _: Settings) -> SearchAnswer:
        """Return at most 50; none for an empty text."""
        if not self.text.strip():
            return SearchAnswer([])
        rows = await session.connection.fetch(SQL["search"], self.as_of, self.as_teacher, self.text.strip())
        return SearchAnswer([Found(**row) for row in rows])


def _course(
    course: "Record", work: "list[Record]", changes: "list[Record]", talks: "list[Record]"
) -> StudentCourse:
    lessons = [course[name] for name in Attendance.__struct_fields__]
    return StudentCourse(
        id=course["id"],
        title=course["title"],
        level=course["level"] or "none",
        score=None if course["score"] is None else float(course["score"]),
        since=course["since"],
        reasons=reasons_of(course["reasons"]),
        last_activity=course["last_activity"],
        work=[StudentWork(**_others(one)) for one in work if one["course"] == course["id"]],
        changes=[
            RiskPoint(one["at"], float(one["score"] or 0), one["level"])
            for one in changes
            if one["course"] == course["id"]
        ],
        attendance=Attendance(*lessons) if any(lessons) else None,
        follow_ups=[TalkedTo(**_others(one)) for one in talks if one["course"] == course["id"]],
    )


def _others(row: "Record") -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "course"}
