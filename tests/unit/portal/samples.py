"""A small school's answers, with which pages are tested without a database."""

import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from portal.dashboard.pipeline import (
    PipelineSource,
)
from portal.dashboard.source import RefusedError
from processor.insight.answers import (
    Attendance,
    Attention,
    CourseLine,
    CoursePage,
    Found,
    HandedIn,
    Lessons,
    Overview,
    Reason,
    RiskPoint,
    StudentCourse,
    StudentPage,
    StudentWork,
    TalkedTo,
    Work,
)

NOW = datetime(2026, 11, 24, 9, 41, tzinfo=UTC)
DAY = timedelta(days=1)
MISSING = Reason("missing", "3 of 7 pieces of due work are missing, the latest since 20 November")
LOW = Reason("rank", "Scores are in the lowest 12 % of 182 students, over the last 4 pieces of work")
SILENT = Reason("silence", "Nothing since 11 November, while most of the course was active")
TITLES = {"MATH-101": "Algebra", "HIST-105": "History", "BIOL-130": "Biology"}


def overview() -> Overview:
    courses = [
        CourseLine(
            "MATH-101", "Algebra", 182, 3, 5, 1, _handed_in(182, 0.9), 160, [150, 170, 161, 148, 160], 3
        ),
        CourseLine("HIST-105", "History", 24, 0, 1, 0, _handed_in(24, 0.7), 22, [20, 21, 24, 22, 22]),
        CourseLine("BIOL-130", "Biology", 12, 0, 0, 0, [], 9, [9]),
    ]
    return Overview(NOW, NOW - timedelta(seconds=4), courses)


def course() -> CoursePage:
    dice = random.Random(7)  # noqa: S311 - sample data, the same each time
    hours = [[0] * 24 for _ in range(7)]
    for weekday in range(5):
        for hour in range(7, 23):
            hours[weekday][hour] = dice.randint(0, 30) + (80 if (weekday, hour) == (1, 19) else 0)
    attention = [
        Attention(
            "student-0242", "Ada Adler", "high", 2.31, NOW - 10 * DAY, [MISSING, LOW, SILENT], NOW - 13 * DAY
        ),
        Attention(
            "student-0007",
            "Ben Bauer",
            "high",
            1.92,
            NOW - DAY,
            [MISSING],
            NOW - DAY,
            NOW - DAY / 2,
        ),
        Attention("student-0113", None, "elevated", 1.1, NOW - 40 * DAY, [LOW], NOW),
    ]
    work = [
        Work(
            f"A{n}",
            f"Assignment {n}",
            NOW + (n - 7) * 7 * DAY,
            182 - 4 * n,
            2 * n,
            182,
            80.0 - n,
            _bins(dice),
        )
        for n in range(1, 8)
    ]
    return CoursePage(
        "MATH-101", "Algebra", "Europe/Berlin", date(2026, 9, 1), date(2026, 12, 18), NOW,
        NOW - timedelta(seconds=4), 182, 160, attention, work, hours, Attendance(1120, 49, 87, 28),
        lessons=[_lessons(n) for n in range(8)],
    )  # fmt: skip


def _lessons(week: int) -> Lessons:
    absent = (9, 8, 11, 10, 21, 9, 10, 9)[week]
    return Lessons(155 - absent, 6, absent, 3, day=(NOW + (week - 8) * 7 * DAY).date())


def student() -> StudentPage:
    work = [_piece_of_work(n) for n in range(1, 8)]
    changes = [RiskPoint(NOW - 20 * DAY, 1.0, "elevated"), RiskPoint(NOW - 10 * DAY, 2.3, "high")]
    reasons = [MISSING, LOW, SILENT]
    ten_days_ago, last = NOW - 10 * DAY, NOW - 13 * DAY
    courses = [
        StudentCourse(
            "MATH-101",
            "Algebra",
            "high",
            2.31,
            ten_days_ago,
            reasons,
            last,
            work,
            changes,
            Attendance(17, 2, 4, 1),
            [
                TalkedTo(
                    NOW - 8 * DAY,
                    "arn:aws:sts::123456789012:assumed-role/teacher/turing",
                    "Called; hands in the essay on Friday",
                )
            ],
        ),
        StudentCourse("HIST-105", "History", "none", 0.3, NOW - 60 * DAY, [], NOW - DAY, work[:2], []),
    ]
    return StudentPage("student-0242", "Ada Adler", "Europe/Berlin", NOW, NOW - timedelta(seconds=4), courses)


class Samples:
    """A source that always answers with the same school."""

    pipeline: PipelineSource | None = None

    def __init__(self) -> None:
        self.version = "1"
        self.more: list[Attention] = []
        self.talks: dict[UUID, TalkedTo] = {}

    def attend(self, student: str) -> None:
        """Make another student of the course need attention."""
        self.more.append(Attention(student, None, "high", 2.0, NOW, [MISSING], NOW))
        self.version += "1"

    def revision(self) -> str:
        return self.version

    def overview(self) -> Overview:
        return overview()

    def course(self, key: str) -> CoursePage | None:
        if key != "MATH-101":
            return None
        return replace(course(), attention=[*course().attention, *self.more])

    def student(self, key: str) -> StudentPage | None:
        if key != "student-0242":
            return None
        first, *others = student().courses
        talks = [*first.follow_ups, *self.talks.values()]
        return replace(student(), courses=[replace(first, follow_ups=talks), *others])

    def follow_up(self, key: UUID, student: str, course: str, note: str) -> None:
        if (student, course) != ("student-0242", "MATH-101"):
            raise RefusedError("follow_up: there is no such student")
        self.talks[key] = TalkedTo(NOW, "arn:aws:sts::123456789012:assumed-role/teacher/turing", note)
        self.version += "1"

    def search(self, text: str) -> list[Found]:
        known = [Found("student", "student-0242", "Ada Adler"), Found("course", "MATH-101", "Algebra")]
        return [one for one in known if text.casefold() in f"{one.id} {one.title}".casefold()]


def _handed_in(of: int, share: float) -> list[HandedIn]:
    return [HandedIn(f"Assignment {n}", int(of * (share - n / 50)), of) for n in range(1, 6)]


def _bins(dice: random.Random) -> list[int]:
    return [dice.randint(0, 4 + 3 * n) for n in range(10)]


def _piece_of_work(number: int) -> StudentWork:
    """Return a piece of work: 3 was excused, 4 was late, from 5 on all are missing, 1 and 2 came in."""
    due = NOW + (number - 8) * 7 * DAY
    is_in = number < 5 and number != 3
    return StudentWork(
        id=f"A{number}",
        title=f"Assignment {number}",
        due_at=due,
        excused=number == 3,
        handed_in_at=due if is_in else None,
        late=number == 4,
        missing=number >= 5,
        per_cent=70.0 - 9 * number if is_in else None,
        lower=58.0,
        median=71.0,
        upper=85.0,
    )
