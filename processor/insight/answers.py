"""The answers about courses and students. Pages and commands show the same values."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

Level = Literal["high", "elevated", "none"]


class Reason(Struct, frozen=True):
    """Why a student needs attention, in plain words, with the rule that found it."""

    rule: str
    sentence: str


class HandedIn(Struct, frozen=True):
    """How many of a course's students handed a piece of work in."""

    title: str
    done: int
    of: int


class CourseLine(Struct, frozen=True):
    """One course among others.

    ``risen`` counts those who entered their level since yesterday. ``followed_up`` counts those who need
    attention and to whom somebody has talked since. ``handed_in`` is the latest due work, oldest first.
    ``active`` counts those seen in the last seven days. ``by_week`` counts the events of the last eight
    weeks.
    """

    id: str
    title: str
    students: int
    high: int
    elevated: int
    risen: int
    handed_in: list[HandedIn]
    active: int
    by_week: list[int]
    followed_up: int = 0


class Overview(Struct, frozen=True):
    """Every course that the reader may see. ``usual_seconds`` usually pass from one event to the next."""

    as_of: datetime
    last_event_at: datetime | None
    courses: list[CourseLine]
    usual_seconds: float | None = None


class Attention(Struct, frozen=True):
    """A student of a course who needs attention, since when and why.

    ``followed_up_at`` is when somebody last talked to the student since attention was first needed.
    """

    student: str
    name: str | None
    level: Level
    score: float
    since: datetime
    reasons: list[Reason]
    last_activity: datetime | None
    followed_up_at: datetime | None = None


class Work(Struct, frozen=True):
    """A piece of work of all students. ``bins`` counts scores in steps of ten per cent."""

    id: str
    title: str
    due_at: datetime | None
    handed_in: int
    late: int
    of: int
    median: float | None
    bins: list[int]
    counts: bool = True


class Attendance(Struct, frozen=True):
    """How often all students, or one, were there, over all lessons of the course."""

    present: int
    late: int
    absent: int
    excused: int


class Lessons(Attendance, frozen=True, kw_only=True):
    """How often students were there on one day, in the course's time zone."""

    day: date


class CoursePage(Struct, frozen=True):
    """One course. ``hours`` counts events by weekday, Monday first, and hour, in the course's time zone."""

    id: str
    title: str
    time_zone: str
    begins: date | None
    ends: date | None
    as_of: datetime
    last_event_at: datetime | None
    students: int
    active: int
    attention: list[Attention]
    work: list[Work]
    hours: list[list[int]]
    attendance: Attendance | None
    usual_seconds: float | None = None
    lessons: list[Lessons] = []


class StudentWork(Struct, frozen=True):
    """A piece of work of one student, and the middle half of the course's scores, in per cent."""

    id: str
    title: str
    due_at: datetime | None
    excused: bool
    handed_in_at: datetime | None
    late: bool
    missing: bool
    per_cent: float | None
    lower: float | None
    median: float | None
    upper: float | None


class RiskPoint(Struct, frozen=True):
    """A change of level."""

    at: datetime
    score: float
    level: Level


class TalkedTo(Struct, frozen=True):
    """A follow-up: who talked to the student, when and about what."""

    at: datetime
    who: str
    note: str


class StudentCourse(Struct, frozen=True):
    """What happened in one of a student's courses."""

    id: str
    title: str
    level: Level
    score: float | None
    since: datetime | None
    reasons: list[Reason]
    last_activity: datetime | None
    work: list[StudentWork]
    changes: list[RiskPoint]
    attendance: Attendance | None = None
    follow_ups: list[TalkedTo] = []


class StudentPage(Struct, frozen=True):
    """One student in all courses that the reader may see."""

    id: str
    name: str | None
    time_zone: str
    as_of: datetime
    last_event_at: datetime | None
    courses: list[StudentCourse]
    usual_seconds: float | None = None


class Found(Struct, frozen=True):
    """A student or a course that a search found."""

    kind: Literal["student", "course"]
    id: str
    title: str


class Revision(Struct, frozen=True):
    """A text that changes whenever an answer may have changed."""

    revision: str


class SearchAnswer(Struct, frozen=True):
    """Up to 50 students and courses, beginning with those whose id matches."""

    found: list[Found]
