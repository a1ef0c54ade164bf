"""A made-up school: a roster and a term of events that fits it. The same arguments give the same school.

A few students are in trouble, some of each kind: they hand in little, they hand in late, their scores fall,
they miss lessons, or nothing more is heard from them.
"""

import csv
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from spm.term import COURSES, TERM_DAYS, NativeEvent, uuid7

TIME_ZONE: Final = "Europe/Berlin"
WEEK: Final = timedelta(days=7)
EXAM_WEEKS: Final = 1
SILENT_WEEKS: Final = 3
TITLES: Final = {
    "MATH-101": "Mathematics",
    "PHYS-110": "Physics",
    "CHEM-120": "Chemistry",
    "HIST-105": "History",
    "ENGL-102": "English",
    "BIOL-130": "Biology",
    "ECON-140": "Economics",
    "COMP-150": "Computing",
}
FIRST_NAMES: Final = (
    *(
        "Ada",
        "Ben",
        "Chiara",
        "Daniel",
        "Elif",
        "Finn",
        "Grace",
        "Hugo",
        "Ines",
        "Jonas",
        "Kofi",
        "Lena",
        "Mia",
    ),
    *(
        "Noah",
        "Olga",
        "Paul",
        "Qing",
        "Rosa",
        "Samir",
        "Tilda",
        "Umut",
        "Vera",
        "Wim",
        "Xenia",
        "Yara",
        "Zoltan",
    ),
)
LAST_NAMES: Final = (
    *("Adler", "Bauer", "Costa", "Demir", "Evans", "Fischer", "Garcia", "Haas", "Ivanova", "Jansen", "Kaya"),
    *("Lindt", "Mensah", "Novak", "Okoye", "Peters", "Quist", "Rossi", "Schmidt", "Tanaka", "Unger", "Vogel"),
)

Trouble = Literal["missing", "late", "falling", "absent", "silent"]
TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)


class PlannedWork(NamedTuple):
    """Work to hand in, a quiz in class, or the exam, which is still to come and never due."""

    id: str
    title: str
    kind: Literal["submission", "quiz", "exam"]
    due: datetime
    max_score: int


class TaughtCourse(NamedTuple):
    """``lessons`` are weekdays (0 is Monday) at ``hour``. ``hard`` is how much harder than the easiest."""

    id: str
    teacher: str
    lessons: frozenset[int]
    hour: int
    hard: float
    work: tuple[PlannedWork, ...]


class Pupil(NamedTuple):
    """``ability`` is the share of the points that this student gets."""

    id: str
    ability: float
    courses: tuple[TaughtCourse, ...]
    trouble: Trouble | None


@dataclass(frozen=True)
class School:
    """Everybody and everything. Teaching lasts from ``begins`` until the day before ``until``."""

    begins: date
    until: date
    courses: Sequence[TaughtCourse]
    pupils: Sequence[Pupil]
    names: dict[str, str]


def make(students: int, courses: int, seed: int, until: date) -> School:
    """Make a school whose last day of teaching is the day before ``until``."""
    dice = random.Random(seed)  # noqa: S311 - made-up data must be repeatable, not secret
    begins = until - timedelta(days=TERM_DAYS)
    taught = [_course(number, begins, dice) for number in range(courses)]
    in_trouble = dice.sample(range(students), k=min(students, len(TROUBLES) * max(1, students // 60)))
    troubles = {number: TROUBLES[place % len(TROUBLES)] for place, number in enumerate(in_trouble)}
    digits = max(4, len(str(students)))
    pupils = [
        Pupil(
            id=f"student-{number + 1:0{digits}d}",
            ability=min(0.98, max(0.35, dice.gauss(0.74, 0.1))),
            courses=tuple(dice.sample(taught, k=min(courses, dice.randint(2, 4)))),
            trouble=troubles.get(number),
        )
        for number in range(students)
    ]
    people = [course.teacher for course in taught] + [pupil.id for pupil in pupils]
    names = [f"{first} {last}" for first, last in product(FIRST_NAMES, LAST_NAMES)]
    dice.shuffle(names)
    called = {person: names[number % len(names)] for number, person in enumerate(people)}
    return School(begins, until, taught, pupils, called)


def _course(number: int, begins: date, dice: random.Random) -> TaughtCourse:
    course_id, hard = COURSES[number]
    weeks = TERM_DAYS // 7
    work = [
        _work(f"A{week // 2}", "Assignment", "submission", begins + week * WEEK, 20)
        for week in range(2, weeks + 1, 2)
    ]
    work += [
        _work(f"Q{week // 4}", "Quiz", "quiz", begins + week * WEEK, 100) for week in range(4, weeks + 1, 4)
    ]
    work.append(_work("EX1", "Exam", "exam", begins + (weeks + EXAM_WEEKS) * WEEK, 100))
    lessons = frozenset(dice.sample(range(5), k=2))
    return TaughtCourse(
        course_id, f"teacher-{number + 1:02d}", lessons, dice.randint(8, 14), hard, tuple(work)
    )


def _work(
    work_id: str, title: str, kind: Literal["submission", "quiz", "exam"], after: date, max_score: int
) -> PlannedWork:
    due = datetime.combine(after - timedelta(days=1), time(23, 59, 59), ZoneInfo(TIME_ZONE))
    return PlannedWork(work_id, f"{title} {work_id[-1]}", kind, due, max_score)


def happenings(school: School, seed: int) -> list[NativeEvent]:
    """Return what happened in the school, oldest first."""
    dice = random.Random(f"events {seed}")  # noqa: S311 - made-up data must be repeatable, not secret
    end = datetime.combine(school.until, time(), UTC)
    happened: list[NativeEvent] = []
    for pupil in school.pupils:
        last = (end - SILENT_WEEKS * WEEK if pupil.trouble == "silent" else end).isoformat()
        for course in pupil.courses:
            made = (_event(pupil, course, happening, dice) for happening in _of(school, pupil, course, dice))
            happened += (event for event in made if event["timestamp"] < last)
    happened.sort(key=lambda event: (event["timestamp"], event["event_id"]))
    return happened


Happening = tuple[datetime, str, float | None, dict[str, Any]]


def _of(school: School, pupil: Pupil, course: TaughtCourse, dice: random.Random) -> Iterator[Happening]:
    for number in range(TERM_DAYS):
        day = school.begins + timedelta(days=number)
        if day.weekday() in course.lessons:
            moment = _at(day, course.hour, dice.randint(0, 9))
            yield moment, "attendance", None, {"status": _status(pupil, dice)}
        if dice.random() < 0.2:
            device = dice.choice(("laptop", "phone", "tablet"))
            yield _at(day, dice.randint(7, 21), dice.randint(0, 59)), "login", None, {"device": device}
    for work in course.work:
        if work.kind == "submission":
            yield from _handed_in(school, pupil, course, work, dice)
        elif work.kind == "quiz" and dice.random() > _miss(pupil):
            moment = work.due - timedelta(days=dice.randint(1, 4), hours=dice.randint(9, 14))
            yield moment, "quiz_score", _points(school, pupil, course, work, dice), {"assessment": work.id}


def _handed_in(
    school: School, pupil: Pupil, course: TaughtCourse, work: PlannedWork, dice: random.Random
) -> Iterator[Happening]:
    """Yield a submission, some days later its grade, and now and then a better grade."""
    if dice.random() < _miss(pupil):
        return
    late = dice.random() < (0.6 if pupil.trouble == "late" else 0.06)
    moment = work.due + timedelta(minutes=dice.randint(5, 4_000) if late else -dice.randint(10, 4_000))
    yield moment, "submission", None, {"assessment": work.id}
    score = _points(school, pupil, course, work, dice)
    graded = moment + timedelta(hours=dice.randint(20, 100))
    yield graded, "grade", score, {"assessment": work.id}
    if dice.random() < 0.02:
        better = min(float(work.max_score), score + 1)
        yield graded + timedelta(days=2), "grade", better, {"assessment": work.id}


def _points(
    school: School, pupil: Pupil, course: TaughtCourse, work: PlannedWork, dice: random.Random
) -> float:
    """Return points in halves, as schools give them."""
    weeks = (work.due.date() - school.begins) / WEEK
    share = 1 - (1 - pupil.ability) * course.hard - (0.04 * weeks if pupil.trouble == "falling" else 0)
    share = min(1.0, max(0.0, share + dice.gauss(0, 0.07)))
    return round(share * work.max_score * 2) / 2


def _miss(pupil: Pupil) -> float:
    return 0.65 if pupil.trouble == "missing" else 0.04


def _status(pupil: Pupil, dice: random.Random) -> str:
    roll = dice.random()
    if roll < (0.35 if pupil.trouble == "absent" else 0.03):
        return "absent"
    if roll < (0.40 if pupil.trouble == "absent" else 0.05):
        return "excused"
    return "late" if roll > 0.95 else "present"


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(TIME_ZONE))


def _event(pupil: Pupil, course: TaughtCourse, happening: Happening, dice: random.Random) -> NativeEvent:
    moment, event_type, score, more = happening
    at = moment.astimezone(UTC) + timedelta(milliseconds=dice.randrange(60_000))
    event: NativeEvent = {
        "event_id": uuid7(at, dice),
        "student_id": pupil.id,
        "event_type": event_type,
        "timestamp": at.isoformat(timespec="milliseconds"),
        "metadata": {"course": course.id, **more},
    }
    if score is not None:
        event["score"] = score
    return event


def write(folder: Path, school: School, happened: Sequence[NativeEvent]) -> None:
    """Write ``events.jsonl`` and ``roster/`` into the folder, which is made if it does not exist."""
    roster = folder / "roster"
    roster.mkdir(parents=True, exist_ok=True)
    for name, rows in roster_files(school).items():
        with (roster / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(event) + "\n" for event in happened)


def roster_files(school: School) -> dict[str, list[Sequence[object]]]:
    """Return the roster's files. Courses last beyond teaching, for the weeks of the exams."""
    begins, ends = school.begins, school.until + EXAM_WEEKS * WEEK
    courses = [(course.id, TITLES[course.id], TIME_ZONE, begins, ends) for course in school.courses]
    work = [
        (course.id, work.id, work.title, work.due.isoformat(), work.max_score, work.kind != "exam")
        for course in school.courses
        for work in course.work
    ]
    teachers = [(course.id, course.teacher, "teacher", begins, ends) for course in school.courses]
    taking = [(c.id, pupil.id, "student", begins, ends) for pupil in school.pupils for c in pupil.courses]
    return {
        "courses.csv": [("id", "title", "time_zone", "begins", "ends"), *courses],
        "assessments.csv": [("course", "id", "title", "due_at", "max_score", "counts"), *work],
        "enrolments.csv": [("course", "person", "role", "begins", "ends"), *teachers, *taking],
        "people.csv": [("id", "display_name"), *school.names.items()],
    }
