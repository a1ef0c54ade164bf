"""The page of a student: what happened in each course, beside the others in the course."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from markupsafe import Markup

from portal.dashboard import charts, words
from portal.dashboard.fragments import Fragments
from portal.dashboard.shapes import Steps
from portal.dashboard.tables import Cell, Heading, PageTable
from processor.insight.answers import StudentCourse, StudentPage, StudentWork

WORK = (
    Heading("work", "Work"),
    Heading("due", "Due"),
    Heading("handed_in", "Handed in"),
    Heading("score", "Score", is_number=True),
    Heading("course", "Middle half of the course", is_number=True),
)
ORDER: Final = {"high": 0, "elevated": 1, "none": 2}


def view(
    answer: StudentPage, forms: Mapping[str, Mapping[str, str]], now: datetime, zone: tzinfo, draw: Fragments
) -> dict[str, Any]:
    """Return what the template shows. ``forms`` holds the members of each course's follow-up form."""
    courses = sorted(answer.courses, key=lambda course: (ORDER[course.level], course.id))
    return {
        "title": _finding(courses),
        "student": answer,
        "courses": [_course(course, forms[course.id], now, zone, draw) for course in courses],
        "tables": [_work_table(course, now, zone) for course in courses],
        "as_of": words.clock(answer.as_of, zone),
        "last_event_at": answer.last_event_at,
        "usual_seconds": answer.usual_seconds,
    }


def _finding(courses: list[StudentCourse]) -> str:
    affected = [course for course in courses if course.level != "none"]
    others = len(courses) - len(affected)
    if not affected:
        return f"Needs no attention in {words.plural(len(courses), 'course')}"
    if len(affected) > 2:
        return f"Needs attention in {len(affected)} of {len(courses)} courses"
    where = " and ".join(course.id for course in affected)
    rest = f"; none in {words.plural(others, 'other course')}" if others else ""
    return f"Needs attention in {where}{rest}"


def _course(
    course: StudentCourse, form: Mapping[str, str], now: datetime, zone: tzinfo, draw: Fragments
) -> dict[str, Any]:
    points = [charts.ComparedScore(w.id, w.per_cent, w.lower, w.median, w.upper) for w in course.work]
    return {
        "answer": course,
        "name": words.course(course.id, course.title),
        "since": words.day(course.since, now, zone) if course.since else "",
        "last": words.day(course.last_activity, now, zone),
        "reasons": [words.unbroken(reason.sentence) for reason in course.reasons],
        "scores": charts.scores(points) if any(p.mine is not None for p in points) else None,
        "compared": _compared(course.work),
        "levels": _levels(course, now, zone),
        "over_time": _over_time(course, now, zone),
        "attendance": words.attendance(course.attendance),
        "happened": _happened(course, now, zone, draw),
        "form": form,
    }


def _levels(course: StudentCourse, now: datetime, zone: tzinfo) -> Steps | None:
    changes = [
        charts.Moment(one.at, f"{one.level}, {words.moment(one.at, now, zone)}", one.level)
        for one in course.changes
    ]
    talks = [
        charts.Moment(one.at, f"Followed up by {words.person(one.who)}, {words.moment(one.at, now, zone)}")
        for one in course.follow_ups
    ]
    return charts.levels(changes, talks, now, zone)


def _over_time(course: StudentCourse, now: datetime, zone: tzinfo) -> str:
    if not course.changes:
        return ""
    last = course.changes[-1]
    since = words.day(last.at, now, zone)
    if last.level == "none":
        return f"Needs no attention since {since}"
    times = sum(one.at >= _episode(course) for one in course.follow_ups)
    followed_up = {0: "by nobody", 1: "once", 2: "twice"}.get(times, f"{times} times")
    return f"{last.level.capitalize()} since {since}, followed up {followed_up}"


def _episode(course: StudentCourse) -> datetime:
    """Return when attention was first needed since it last was not."""
    others = [n for n, one in enumerate(course.changes) if one.level == "none"]
    return course.changes[others[-1] + 1 if others else 0].at


def _happened(
    course: StudentCourse, now: datetime, zone: tzinfo, draw: Fragments
) -> list[tuple[str, str | Markup]]:
    """Return changes of level and what people did about them, newest first."""
    changes = [(one.at, draw.level(one.level)) for one in course.changes]
    talks = [(one.at, draw.talk(words.person(one.who), one.note)) for one in course.follow_ups]
    newest_first = sorted([*changes, *talks], key=lambda one: one[0], reverse=True)
    return [(words.moment(at, now, zone), what) for at, what in newest_first]


def _compared(work: list[StudentWork]) -> str:
    both = [(one.per_cent, one.lower) for one in work if one.per_cent is not None and one.lower is not None]
    below = sum(mine < lower for mine, lower in both)
    if not both:
        return "No score can be compared yet"
    if not below:
        return "No score is below the middle half of the course"
    verb = "is" if below == 1 else "are"
    return f"{below} of {words.plural(len(both), 'score')} {verb} below the middle half of the course"


def _work_table(course: StudentCourse, now: datetime, zone: tzinfo) -> PageTable:
    rows = [(one.id, _row(one, now, zone)) for one in course.work]
    return PageTable(f"work-{course.id}", f"Work in {course.title}", WORK, rows)


def _row(one: StudentWork, now: datetime, zone: tzinfo) -> list[Cell]:
    return [
        Cell(one.title, one.title),
        Cell(
            one.due_at.isoformat() if one.due_at else None,
            words.day(one.due_at, now, zone) if one.due_at else "no due date",
        ),
        Cell(one.handed_in_at.isoformat() if one.handed_in_at else None, _handed_in(one, now, zone)),
        Cell(one.per_cent, words.per_cent(one.per_cent)),
        Cell(one.median, "–" if one.lower is None else f"{one.lower:.0f}–{one.upper:.0f} %"),
    ]


def _handed_in(one: StudentWork, now: datetime, zone: tzinfo) -> str:
    if one.excused:
        return "excused"
    if one.handed_in_at:
        return words.day(one.handed_in_at, now, zone) + (", late" if one.late else "")
    return "missing" if one.missing else "not yet"
