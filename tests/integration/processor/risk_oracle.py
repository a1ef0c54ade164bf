"""Computes risk in plain Python from the rows of the event log and the roster: docs/risk.md in code.

It shares nothing with the implementation: fractions instead of SQL, one student at a time.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

Row = Mapping[str, Any]

GRACE = timedelta(hours=24)
SILENT = timedelta(days=7)
FEWEST_SCORES = 5
FEWEST_LESSONS = 5


class Tables(NamedTuple):
    """All rows of the tables; the log is in the order in which later events win."""

    log: Sequence[Row]
    courses: Sequence[Row]
    assessments: Sequence[Row]
    enrolments: Sequence[Row]
    exceptions: Sequence[Row]


@dataclass
class WorkResult:
    """What a student handed in."""

    handed_in_at: datetime
    scored_at: datetime | None = None
    score: float = 0.0
    maximum: float | None = None


@dataclass(frozen=True)
class Expected:
    """The addends, by rule, each with its numbers."""

    addends: Mapping[str, tuple[Fraction, Mapping[str, Any]]]

    def compare(self, score: float, reasons: Sequence[Row]) -> None:
        """Raise AssertionError unless the score and the reasons are these, with the largest reason first."""
        total = sum((adds for adds, _ in self.addends.values()), Fraction(0))
        assert score == pytest.approx(float(total), abs=0.00500001)
        told = {
            rule: (adds, numbers)
            for rule, (adds, numbers) in self.addends.items()
            if adds >= Fraction(1, 4) or rule == "silent"
        }
        assert {reason["rule"] for reason in reasons} == set(told)
        assert [reason["adds"] for reason in reasons] == sorted((r["adds"] for r in reasons), reverse=True)
        for reason in reasons:
            adds, numbers = told[reason["rule"]]
            assert reason["adds"] == pytest.approx(float(adds), abs=0.00500001)
            assert reason["numbers"] == {
                name: pytest.approx(float(value), abs=0.00050001) if isinstance(value, Fraction) else value
                for name, value in numbers.items()
            }
            assert reason["sentence"].endswith(".")


def level(before: str, score: float) -> str:
    """Return the new level: levels begin at 1.7 and 0.9, and end 0.2 lower."""
    if score >= 1.7 or (before == "high" and score >= 1.5):
        return "high"
    if score >= 0.9 or (before != "none" and score >= 0.7):
        return "elevated"
    return "none"


def expected(tables: Tables, as_of: datetime) -> dict[tuple[str, str], Expected]:
    """Return the risk of each enrolled student."""
    found = {}
    for course in tables.courses:
        if _is_within(course, as_of.astimezone(ZoneInfo(course["time_zone"])).date()):
            in_course = CourseRows(tables, course, as_of)
            for student in in_course.enrolled:
                found[course["id"], student] = in_course.expected(student)
    return found


class CourseRows:
    """The rows of one course."""

    def __init__(self, tables: Tables, course: Row, as_of: datetime) -> None:
        self.as_of = as_of
        self.zone = ZoneInfo(course["time_zone"])
        today = as_of.astimezone(self.zone).date()
        self.assessments = {row["id"]: row for row in tables.assessments if row["course"] == course["id"]}
        self.exceptions = {
            (row["assessment"], row["person"]): row
            for row in tables.exceptions
            if row["course"] == course["id"]
        }
        self.enrolled = {
            row["person"]: self._midnight(row["begins"])
            for row in tables.enrolments
            if row["course"] == course["id"] and row["role"] == "student" and _is_within(row, today)
        }
        self.events = [
            (row, json.loads(row["metadata"]))
            for row in tables.log
            if json.loads(row["metadata"]).get("course") == course["id"]
        ]
        self.results = self._results()
        self.ranks = self._ranks()
        self.missing_shares = [
            Fraction(len(self.missing(student)), len(due))
            for student in self.enrolled
            if (due := self.due(student))
        ]

    def expected(self, student: str) -> Expected:
        """Return the addends of one student."""
        addends: dict[str, tuple[Fraction, Mapping[str, Any]]] = {}
        due, missing = self.due(student), self.missing(student)
        if missing:
            addends["missing"] = (
                2 * Fraction(len(missing), len(due)),
                {
                    "missing": len(missing),
                    "due": len(due),
                    "titles": [title for _, title in sorted(missing)],
                    "since": self._day(min(missing)[0]),
                    "share_of_course": _mean(self.missing_shares),
                },
            )
        if missing and student not in self.handing_in:
            numbers = {
                "students": len(self.enrolled),
                "students_handing_in": len(self.handing_in & set(self.enrolled)),
                "since": self._day(min(due)[0]),
            }
            addends["never"] = (Fraction(1), numbers)
        addends["rank"] = self._rank(student)
        lessons, absent = self.attended(student)
        if len(lessons) >= FEWEST_LESSONS and Fraction(len(absent), len(lessons)) >= Fraction(1, 20):
            often = Fraction(len(absent), len(lessons)) >= Fraction(1, 10)
            shares = [
                Fraction(len(missed), len(all_of_them))
                for all_of_them, missed in map(self.attended, self.enrolled)
                if all_of_them
            ]
            numbers = {
                "absent": len(absent),
                "lessons": len(lessons),
                "since": self._day(min(absent)),
                "share_of_course": _mean(shares),
            }
            addends["absent"] = (Fraction(1, 2) if often else Fraction(1, 4), numbers)
        if silence := self._silence(student):
            addends["silent"] = (Fraction(0), silence)
        return Expected(addends)

    def due(self, student: str) -> list[tuple[datetime, str]]:
        """Return the due time and the title of each piece of work that is due."""
        begins, found = self.enrolled[student], []
        for name, work in self.assessments.items():
            exception = self.exceptions.get((name, student))
            if not work["counts"] or (exception and exception["excused"]):
                continue
            due_at = exception["due_at"] if exception else work["due_at"]
            if due_at and due_at <= self.as_of and (begins is None or due_at >= begins):
                found.append((due_at, work["title"]))
        return found

    def missing(self, student: str) -> list[tuple[datetime, str]]:
        """Return the due work that is not handed in although the time of grace is over."""
        handed_in = {
            self.assessments[work]["title"] for work, _ in self._of(student) if work in self.assessments
        }
        return [
            (due_at, title)
            for due_at, title in self.due(student)
            if title not in handed_in and due_at + GRACE <= self.as_of
        ]

    def attended(self, student: str) -> tuple[list[datetime], list[datetime]]:
        """Return the times of the student's lessons, and of the missed ones."""
        lessons = [
            (row["occurred_at"], metadata.get("status"))
            for row, metadata in self.events
            if row["student_id"] == student and row["event_type"] == "attendance"
        ]
        return (
            [at for at, status in lessons if status in {"present", "late", "absent"}],
            [at for at, status in lessons if status == "absent"],
        )

    def _results(self) -> dict[tuple[str, str], WorkResult]:
        found: dict[tuple[str, str], WorkResult] = {}
        for row, metadata in self.events:
            if "assessment" not in metadata:
                continue
            if row["score"] is None and row["event_type"] != "submission":
                continue
            key = metadata["assessment"], row["student_id"]
            result = found.setdefault(key, WorkResult(row["occurred_at"]))
            if row["score"] is not None:
                result.scored_at, result.score = row["occurred_at"], row["score"]
                result.maximum = metadata.get("max_score")
        seen = {key: result for key, result in found.items() if result.handed_in_at <= self.as_of}
        self.handing_in = {student for _, student in seen}
        return seen

    def _ranks(self) -> dict[str, list[tuple[Fraction, datetime, bool]]]:
        """Return each student's ranks, when each was scored, and whether enough others were scored."""
        scores: dict[str, list[tuple[float, str, datetime]]] = defaultdict(list)
        for (name, student), result in self.results.items():
            work = self.assessments.get(name)
            if result.scored_at and result.scored_at <= self.as_of and (work is None or work["counts"]):
                maximum = result.maximum or (work and work["max_score"]) or 100
                scores[name].append((result.score / maximum, student, result.scored_at))
        found: dict[str, list[tuple[Fraction, datetime, bool]]] = defaultdict(list)
        for of_work in scores.values():
            for share, student, at in of_work:
                below = sum(other < share for other, _, _ in of_work)
                same = sum(other == share for other, _, _ in of_work)
                rank = Fraction(below + 1 + below + same, 2 * len(of_work))
                found[student].append((rank, at, len(of_work) >= FEWEST_SCORES))
        return found

    def _rank(self, student: str) -> tuple[Fraction, Mapping[str, Any]]:
        ranks = self.ranks.get(student, [])
        compared = [(rank, at) for rank, at, is_comparable in ranks if is_comparable]
        mean = _mean([rank if is_comparable else Fraction(1, 2) for rank, _, is_comparable in ranks])
        mean = Fraction(1, 2) if mean is None else mean
        since = self._day(min(at for _, at in compared)) if compared else None
        return 1 - mean, {"mean_rank": mean, "compared": len(compared), "since": since}

    def _silence(self, student: str) -> Mapping[str, Any] | None:
        last: dict[str, datetime] = {}
        for row, _ in self.events:
            last[row["student_id"]] = row["occurred_at"]  # the log is in order, so the last one wins
        active = sum(student in last and last[student] > self.as_of - SILENT for student in self.enrolled)
        begins = self.enrolled[student]
        is_new = begins is not None and begins > self.as_of - SILENT
        is_silent = student not in last or last[student] <= self.as_of - SILENT
        if is_new or not is_silent or 2 * active < len(self.enrolled):
            return None
        since = self._day(last[student]) if student in last else None
        return {"active": active, "students": len(self.enrolled), "since": since}

    def _of(self, student: str) -> list[tuple[str, WorkResult]]:
        return [(work, result) for (work, who), result in self.results.items() if who == student]

    def _midnight(self, day: date | None) -> datetime | None:
        return None if day is None else datetime.combine(day, time(), self.zone)

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).date().isoformat()


def _is_within(row: Row, today: date) -> bool:
    return (row["begins"] is None or row["begins"] <= today) and (row["ends"] is None or row["ends"] > today)


def _mean(values: Sequence[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None
