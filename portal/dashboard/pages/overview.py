"""The overview shows which courses have students who need attention."""

from datetime import tzinfo
from typing import Any

from markupsafe import Markup

from portal.dashboard import charts, words
from portal.dashboard.fragments import Fragments
from portal.dashboard.tables import Cell, Heading, PageTable
from processor.insight.answers import CourseLine, HandedIn, Overview

HEADINGS = (
    Heading("course", "Course"),
    Heading("students", "Students", is_number=True),
    Heading("attention", "Need attention", is_number=True),
    Heading("work", "Latest due work in", is_number=True),
    Heading("active", "Active, 7 days", is_number=True),
)


def view(answer: Overview, zone: tzinfo, draw: Fragments) -> dict[str, Any]:
    """Return what the template shows."""
    attention = sum(course.high + course.elevated for course in answer.courses)
    risen = sum(course.risen for course in answer.courses)
    return {
        "title": _finding(attention, risen),
        "tables": [_courses(answer.courses, draw)],
        "as_of": words.clock(answer.as_of, zone),
        "is_empty": not answer.courses,
        "last_event_at": answer.last_event_at,
        "usual_seconds": answer.usual_seconds,
    }


def _finding(attention: int, risen: int) -> str:
    if not attention:
        return "No student needs attention"
    verb = "needs" if attention == 1 else "need"
    new = f", {risen:,} new since yesterday" if risen else ""
    return f"{words.plural(attention, 'student')} {verb} attention{new}"


def _courses(courses: list[CourseLine], draw: Fragments) -> PageTable:
    rows = [(course.id, _row(course, draw)) for course in courses]
    return PageTable("courses", "Courses", HEADINGS, rows).sorted("-attention")


def _row(course: CourseLine, draw: Fragments) -> list[Cell]:
    attention = course.high + course.elevated
    latest = course.handed_in[-1] if course.handed_in else None
    return [
        Cell(course.id, draw.link("course", course.id, words.course(course.id, course.title))),
        Cell(course.students, f"{course.students:,}"),
        Cell(attention, draw.attention(course.high, course.elevated, course.risen, course.followed_up)),
        Cell(
            _rate(latest), _with_line(_said(latest), [_rate(one) or 0 for one in course.handed_in], 1, draw)
        ),
        Cell(
            course.active,
            _with_line(
                words.share(course.active, course.students),
                course.by_week,
                max(course.by_week, default=1),
                draw,
            ),
        ),
    ]


def _rate(work: HandedIn | None) -> float | None:
    return work.done / work.of if work and work.of else None


def _said(work: HandedIn | None) -> str:
    return words.share(work.done, work.of) if work else "nothing due yet"


def _with_line(said: str, values: list[Any], top: float, draw: Fragments) -> Markup:
    line = charts.sparkline(values, top)
    return draw.with_sparkline(said, line)
