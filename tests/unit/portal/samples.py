"""A small school's answers, with which pages are tested without a database."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from portal.dashboard.pipeline import (
    FailedObject,
    Operator,
    PipelineFigures,
    PipelineSource,
    RecordChoice,
    Redriven,
    Replayed,
)
from portal.dashboard.source import NotAllowedError, RefusedError
from processor.commands.quarantine import RejectedRow
from processor.commands.status import Lag, OpenReason, StatusAnswer
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


class SamplePipeline:
    """A pipeline with some rejected records and one failed object. ``calls`` lists what was done to it."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.operator: Operator | None = self
        self.allowed = allowed
        self.open = [_rejected(n) for n in range(1, 4)]
        self.objects = [FailedObject("shardId-000000000000/2026/11/24/05.01.json", NOW - DAY / 4, 48_213)]
        self.alarms = {
            "student-performance-dev-iterator-age": "OK",
            "student-performance-dev-rejected-events": "ALARM",
            "student-performance-dev-stream-iterator-age": "INSUFFICIENT_DATA",
        }
        self.calls: list[tuple[str, Any]] = []

    def figures(self) -> PipelineFigures:
        status = StatusAnswer(
            stored=48_210,
            stored_is_estimate=False,
            lag_ms=Lag(412.0, 1_304.0),
            lag_sample=1_000,
            waiting_chunks=0,
            waiting_since=None,
            first_arrived_at=NOW - 60 * DAY,
            last_arrived_at=NOW - timedelta(seconds=5),
            last_stored_at=NOW - timedelta(seconds=4),
            stored_last_hour=1_204,
            stored_last_hour_is_at_least=False,
            schema_version=6,
            rejected=9,
            rejected_last_hour=2,
            rejected_open=len(self.open),
            open_by_reason=_by_reason(self.open),
            database_bytes=2**26,
            dropped_before=None,
            partitions=[],
        )
        return PipelineFigures(
            name="student-performance",
            status=status,
            by_minute=[20 + (n * 7) % 13 if n < 57 else 0 for n in range(60)],
            iterator_age_ms=0.0,
            mapping="Enabled",
            alarms=self.alarms,
            failed=len(self.objects),
        )

    def rejected(self, choice: RecordChoice, limit: int) -> Sequence[RejectedRow]:
        self._check()
        return self._chosen(choice)[:limit]

    def redrive(self, choice: RecordChoice, *, dry_run: bool) -> Redriven:
        self._check()
        good = [row for row in self._chosen(choice) if row.reason == "invalid_member"]
        examined = len(self._chosen(choice))
        if not dry_run:
            self.calls.append(("redrive", choice))
            self.open = [row for row in self.open if row not in good]
        return Redriven(examined, len(good), examined - len(good))

    def dismiss(self, choice: RecordChoice, because: str) -> int:
        self._check()
        self.calls.append(("dismiss", because))
        chosen = self._chosen(choice)
        self.open = [row for row in self.open if row not in chosen]
        return len(chosen)

    def failed(self) -> Sequence[FailedObject]:
        self._check()
        return self.objects

    def replay(self) -> Replayed:
        self._check()
        self.calls.append(("replay", None))
        self.objects = []
        return Replayed(120, 0)

    def _check(self) -> None:
        if not self.allowed:
            raise NotAllowedError("no right to lambda:InvokeFunction: ask for the stack’s operators policy")

    def _chosen(self, choice: RecordChoice) -> list[RejectedRow]:
        named = {None, choice.record}
        return [
            row
            for row in self.open
            if choice.reason in {None, row.reason} and (choice.record is None or name_of(row) in named)
        ]


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


def name_of(row: RejectedRow) -> str:
    return f"{row.sequence_number}/{row.sub_sequence}"


def _rejected(number: int) -> RejectedRow:
    is_json = number > 1
    return RejectedRow(
        pipeline="student-performance",
        stream_arn="arn:aws:kinesis:eu-central-1:123456789012:stream/student-performance-stream-dev",
        shard_id="shardId-000000000000",
        sequence_number=f"{number:056d}",
        sub_sequence=0,
        arrived_at=NOW - DAY / 24,
        reason="invalid_member" if is_json else "not_json",
        detail="score: expected a number, got text" if is_json else "no JSON: it ends at byte 17",
        payload=b'{"student_id": "student-0007", "event_type": "quiz_score", "score": "<b>87</b>"}'
        if is_json
        else b'{"student_id": "\x00\xff',
        rejected_at=NOW - DAY / 24,
        redriven_at=None,
        dismissed_at=None,
        dismissed_because=None,
    )


def _by_reason(rows: list[RejectedRow]) -> list[OpenReason]:
    reasons = sorted({row.reason for row in rows})
    return [
        OpenReason(reason, sum(row.reason == reason for row in rows), NOW - DAY, NOW - DAY / 24)
        for reason in reasons
    ]
