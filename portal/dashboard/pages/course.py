"""The page of a course: who needs attention and why, how work was done, and when people work."""

from datetime import datetime, tzinfo
from typing import Any, Final

from portal.dashboard import charts, words
from portal.dashboard.fragments import Fragments
from portal.dashboard.shapes import Bars
from portal.dashboard.tables import Cell, Heading, PageTable
from processor.insight.answers import Attendance, Attention, CoursePage, Lessons, Work

FIRST: Final = 8
"""How many students are shown completely. A table holds all of them."""
LESSONS_DRAWN: Final = 20
"""How many of the latest days with a lesson are drawn. A table holds all of them."""

ATTENTION = (
    Heading("level", "Level"),
    Heading("student", "Student"),
    Heading("why", "Why", is_long=True),
    Heading("since", "Since"),
    Heading("followed_up", "Followed up"),
)
ATTENDANCE = (
    Heading("status", "At a lesson"),
    Heading("times", "Times", is_number=True),
    Heading("share", "Of all", is_number=True),
)
LESSONS = (
    Heading("day", "Day"),
    Heading("present", "On time", is_number=True),
    Heading("late", "Late", is_number=True),
    Heading("absent", "Absent", is_number=True),
    Heading("excused", "Excused", is_number=True),
    Heading("came", "Came", is_number=True),
)
WORK = (
    Heading("work", "Work"),
    Heading("due", "Due"),
    Heading("handed_in", "Handed in", is_number=True),
    Heading("late", "Late", is_number=True),
    Heading("median", "Half scored above", is_number=True),
)


def view(answer: CoursePage, now: datetime, zone: tzinfo, draw: Fragments) -> dict[str, Any]:
    """Return what the template shows."""
    scored = [work for work in answer.work if sum(work.bins)]
    latest = scored[-1] if scored else None
    return {
        "title": _finding(answer),
        "course": answer,
        "name": words.course(answer.id, answer.title),
        "week": _week(answer, now, zone),
        "attention": [_person(one, now, zone) for one in answer.attention[:FIRST]],
        "more": len(answer.attention[FIRST:]),
        "tables": [
            _attention_table(answer, now, zone, draw),
            _work_table(answer.work, now, zone),
            *([_attendance_table(answer.attendance)] if answer.attendance else []),
            *([_lessons_table(answer.lessons, now, zone)] if answer.lessons else []),
        ],
        "latest": latest,
        "histogram": latest and charts.histogram(latest.bins, latest.median),
        "hours": charts.heat(answer.hours),
        "busiest": _busiest(answer.hours),
        "attendance": words.attendance(answer.attendance) if answer.attendance else "",
        "lessons": _drawn(answer.lessons),
        "fewest": _fewest(answer.lessons, now, zone),
        "active": words.share(answer.active, answer.students),
        "as_of": words.clock(answer.as_of, zone),
        "last_event_at": answer.last_event_at,
        "usual_seconds": answer.usual_seconds,
    }


def _finding(answer: CoursePage) -> str:
    count = len(answer.attention)
    if not count:
        return f"None of {words.plural(answer.students, 'student')} needs attention"
    verb = "needs" if count == 1 else "need"
    return f"{count:,} of {words.plural(answer.students, 'student')} {verb} attention"


def _week(answer: CoursePage, now: datetime, zone: tzinfo) -> str:
    if answer.begins is None or answer.ends is None:
        return ""
    today = now.astimezone(zone).date()
    weeks = -(-((answer.ends - answer.begins).days + 1) // 7)
    week = (today - answer.begins).days // 7 + 1
    if week < 1:
        return f"begins {words.day(answer.begins, now, zone)}"
    return f"week {week} of {weeks}" if week <= weeks else f"ended {words.day(answer.ends, now, zone)}"


def _person(one: Attention, now: datetime, zone: tzinfo) -> dict[str, Any]:
    return {
        "student": one.student,
        "name": one.name,
        "level": one.level,
        "reasons": [words.unbroken(reason.sentence) for reason in one.reasons],
        "since": words.day(one.since, now, zone),
        "last": words.day(one.last_activity, now, zone),
        "followed_up": _followed_up(one, now, zone),
    }


def _followed_up(one: Attention, now: datetime, zone: tzinfo) -> str:
    return (
        f"followed up {words.day(one.followed_up_at, now, zone)}" if one.followed_up_at else "not followed up"
    )


def _attention_table(answer: CoursePage, now: datetime, zone: tzinfo, draw: Fragments) -> PageTable:
    rows = [
        (
            one.student,
            [
                Cell(one.score, draw.level(one.level)),
                Cell(one.student, draw.link("student", one.student, one.name or one.student)),
                Cell(" ".join(reason.sentence for reason in one.reasons), draw.reasons(one.reasons)),
                Cell(one.since.isoformat(), words.day(one.since, now, zone)),
                Cell(
                    one.followed_up_at.isoformat() if one.followed_up_at else None,
                    words.day(one.followed_up_at, now, zone) if one.followed_up_at else "not yet",
                ),
            ],
        )
        for one in answer.attention
    ]
    return PageTable("attention", "Students who need attention", ATTENTION, rows)


def _work_table(all_work: list[Work], now: datetime, zone: tzinfo) -> PageTable:
    rows = [
        (
            work.id,
            [
                Cell(work.title, work.title),
                Cell(
                    work.due_at.isoformat() if work.due_at else None,
                    words.day(work.due_at, now, zone) if work.due_at else "no due date",
                ),
                Cell(work.handed_in, words.share(work.handed_in, work.of)),
                Cell(work.late, f"{work.late:,}"),
                Cell(work.median, words.per_cent(work.median)),
            ],
        )
        for work in all_work
    ]
    return PageTable("work", "Due work", WORK, rows)


def _attendance_table(counts: Attendance) -> PageTable:
    of = counts.present + counts.late + counts.absent + counts.excused
    named = {
        "present": ("on time", counts.present),
        "late": ("late", counts.late),
        "absent": ("absent", counts.absent),
        "excused": ("excused", counts.excused),
    }
    rows = [
        (
            name,
            [Cell(said, said), Cell(times, f"{times:,}"), Cell(times / of, words.per_cent(100 * times / of))],
        )
        for name, (said, times) in named.items()
    ]
    return PageTable("attendance", "Attendance", ATTENDANCE, rows)


def _lessons_table(lessons: list[Lessons], now: datetime, zone: tzinfo) -> PageTable:
    rows = [
        (
            one.day.isoformat(),
            [
                Cell(one.day.isoformat(), words.day(one.day, now, zone)),
                *(Cell(n, f"{n:,}") for n in (one.present, one.late, one.absent, one.excused)),
                Cell(_came(one), words.per_cent(_came(one))),
            ],
        )
        for one in reversed(lessons)
    ]
    return PageTable("lessons", "Attendance by day", LESSONS, rows)


def _came(one: Lessons) -> float | None:
    """Return how many per cent came of those who were neither there nor excused."""
    expected = one.present + one.late + one.absent
    return 100 * (one.present + one.late) / expected if expected else None


def _drawn(lessons: list[Lessons]) -> Bars | None:
    held = [
        charts.Lesson(f"{one.day.day} {one.day:%b}", one.present + one.late, one.absent)
        for one in lessons
        if _came(one) is not None
    ]
    return charts.lessons(held[-LESSONS_DRAWN:]) if len(held) > 1 else None


def _fewest(lessons: list[Lessons], now: datetime, zone: tzinfo) -> str:
    held = [(share, one) for one in lessons[-LESSONS_DRAWN:] if (share := _came(one)) is not None]
    if not held:
        return ""
    share, one = min(held, key=lambda pair: pair[0])
    day = words.day(one.day, now, zone)
    on = "" if day in ("today", "yesterday") else "on "
    return f"Fewest came {on}{day}: {words.unbroken(words.per_cent(share))}"


def _busiest(hours: list[list[int]]) -> str:
    names = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    count, weekday, hour = max((n, day, hour) for day, row in enumerate(hours) for hour, n in enumerate(row))
    return f"Most happens on {names[weekday]} at {hour:02d}:00" if count else "Nothing has happened yet"
