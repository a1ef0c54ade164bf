"""A class of made-up students and a plausible term of their events. The same arguments give the same events.

Every student has an ability and a trend. A few are in trouble: their scores fall, they miss lessons and hand
in late. Event ids are UUIDs of version 7 (RFC 9562) whose random part comes from the seed, so the same data
published twice is stored once.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NotRequired, TypedDict

from processor.errors import Reason

TERM_START: Final = datetime(2026, 2, 2, tzinfo=UTC)
TERM_DAYS: Final = 84
LESSON_START_HOUR: Final = 8
LESSON_HOURS: Final = 14
IN_TROUBLE_SHARE: Final = 0.06

COURSES: Final = (
    ("MATH-101", 1.10),
    ("PHYS-110", 1.15),
    ("CHEM-120", 1.05),
    ("HIST-105", 0.90),
    ("ENGL-102", 0.92),
    ("BIOL-130", 1.00),
    ("ECON-140", 1.02),
    ("COMP-150", 1.08),
)

BAD_RECORDS: Final[tuple[tuple[bytes, Reason], ...]] = (
    (b'{"student_id": "student-0001", "event_type": "quiz_score", "score": 9', "not_json"),
    (b'["student-0001", "quiz_score", 91]', "not_an_object"),
    (b'{"event_type": "quiz_score", "score": 91}', "missing_member"),
    (b'{"student_id": "student-0001", "event_type": "quiz_score", "score": "ninety"}', "invalid_member"),
    (b'{"student_id": "student-0001", "event_type": "login", "timestamp": "last Monday"}', "invalid_member"),
    (b'{"student_id": "student-0001", "event_type": "login", "room": "\xe9tage 2"}', "not_utf8"),
    (b'{"student_id": "student-0001", "event_type": "login", "room": "\\u0000"}', "null_character"),
)
"""Records as a faulty producer sends them, each with the reason why it is rejected."""

EVENT_TYPES: Final = ("login", "attendance", "quiz_score", "submission")
FREQUENCIES: Final = (0.35, 0.30, 0.20, 0.15)


class NativeEvent(TypedDict):
    """A native event as a producer writes it."""

    event_id: str
    student_id: str
    event_type: str
    score: NotRequired[float | None]
    timestamp: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """One student: ``ability`` in points, ``trend`` in points per week, and ``diligence`` as a weight."""

    student_id: str
    ability: float
    trend: float
    diligence: float
    courses: tuple[int, ...]

    @property
    def in_trouble(self) -> bool:
        """Whether the scores fall by more than a grade over the term."""
        return self.trend < -1.5


def generate(
    events: int, students: int, *, seed: int = 1, courses: int = len(COURSES), start: datetime = TERM_START
) -> Iterator[NativeEvent]:
    """Yield ``events`` events of ``students`` students, oldest first, spread over a term from ``start``.

    Raise ValueError if there are no students, or more courses than are known.
    """
    if students < 1:
        raise ValueError("there must be at least one student")
    if not 1 <= courses <= len(COURSES):
        raise ValueError(f"courses must be between 1 and {len(COURSES)}")
    dice = random.Random(seed)  # noqa: S311 - made-up data must be repeatable, not secret
    roster = enrol(students, courses, dice)
    who = dice.choices(roster, weights=[student.diligence for student in roster], k=events)
    what = dice.choices(EVENT_TYPES, weights=FREQUENCIES, k=events)
    for number in range(events):
        elapsed = (number + dice.random()) / events
        yield _event(who[number], what[number], elapsed, start, dice)


def start_of_term_until(day: date) -> datetime:
    """Return the start of a term whose last day is the day before ``day``."""
    return datetime.combine(day - timedelta(days=TERM_DAYS), time(), UTC)


def enrol(students: int, courses: int, dice: random.Random) -> list[Profile]:
    """Return the students: abilities are around 72 points, and about one in sixteen is in trouble."""
    roster = []
    digits = max(4, len(str(students)))
    for number in range(1, students + 1):
        in_trouble = dice.random() < IN_TROUBLE_SHARE
        roster.append(
            Profile(
                student_id=f"student-{number:0{digits}d}",
                ability=dice.gauss(62 if in_trouble else 73, 9),
                trend=dice.uniform(-3.5, -1.8) if in_trouble else dice.gauss(0.15, 0.4),
                diligence=dice.uniform(0.3, 0.7) if in_trouble else dice.uniform(0.8, 1.3),
                courses=tuple(dice.sample(range(courses), k=min(courses, dice.randint(2, 4)))),
            )
        )
    return roster


def _event(
    student: Profile, event_type: str, elapsed: float, start: datetime, dice: random.Random
) -> NativeEvent:
    occurred_at = _lesson_time(start, elapsed)
    course, difficulty = COURSES[student.courses[dice.randrange(len(student.courses))]]
    week = elapsed * TERM_DAYS / 7
    event: NativeEvent = {
        "event_id": uuid7(occurred_at, dice),
        "student_id": student.student_id,
        "event_type": event_type,
        "timestamp": occurred_at.isoformat(timespec="milliseconds"),
        "metadata": {"course": course},
    }
    if event_type == "quiz_score":
        event["score"] = _score(student, week, difficulty, dice)
        event["metadata"]["quiz"] = f"Q{int(week) + 1}"
    elif event_type == "submission":
        event["score"] = _score(student, week, difficulty, dice)
        event["metadata"] |= _hand_in(student, week, dice)
    elif event_type == "attendance":
        event["metadata"]["status"] = _attendance(student, dice)
    else:
        event["metadata"]["device"] = ("laptop", "phone", "tablet")[dice.randrange(3)]
    return event


def _lesson_time(start: datetime, elapsed: float) -> datetime:
    """Spread the share of the term that has passed over the daytime hours of its days."""
    day, within = divmod(elapsed * TERM_DAYS, 1)
    milliseconds = int((LESSON_START_HOUR + within * LESSON_HOURS) * 3_600_000)
    return start + timedelta(days=day, milliseconds=milliseconds)


def _score(student: Profile, week: float, difficulty: float, dice: random.Random) -> float:
    points = 100 - (100 - student.ability - student.trend * week) * difficulty + dice.gauss(0, 6)
    return round(min(100.0, max(0.0, points)), 1)


def _hand_in(student: Profile, week: float, dice: random.Random) -> dict[str, Any]:
    late = dice.random() < (0.45 if student.in_trouble else 0.08)
    hand_in: dict[str, Any] = {"assignment": f"A{int(week) + 1}", "late": late}
    if late:
        hand_in["hours_late"] = dice.randint(1, 72)
    return hand_in


def _attendance(student: Profile, dice: random.Random) -> str:
    roll = dice.random()
    if roll < (0.35 if student.in_trouble else 0.05):
        return "absent"
    return "late" if roll < (0.50 if student.in_trouble else 0.10) else "present"


def uuid7(moment: datetime, dice: random.Random) -> str:
    """Return a version 7 UUID: 48 bits of milliseconds, the rest random (RFC 9562, section 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    value = milliseconds << 80 | 0x7 << 76 | dice.getrandbits(12) << 64 | 0b10 << 62 | dice.getrandbits(62)
    return str(uuid.UUID(int=value))
