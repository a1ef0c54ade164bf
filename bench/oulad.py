"""The Open University's data (OULAD) as a school: roster files, native events, and what became of everybody.

Its folder holds ``courses``, ``assessments``, ``studentInfo``, ``studentRegistration`` and
``studentAssessment``, each as ``.csv`` or ``.csv.gz``. Days are counted from a presentation's start, so all
presentations begin on one day here. https://analyse.kmi.open.ac.uk/open_dataset
"""

import csv
import gzip
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

BEGINS: Final = date(2014, 2, 1)
UNKNOWN: Final = ("?", "")
FAILED: Final = ("Fail", "Withdrawn")

Line = Mapping[str, str]
Row = Sequence[object]


class Enrolled(NamedTuple):
    """A student in a course: whether they failed or withdrew in the end, and their groups, for the audit."""

    course: str
    student: str
    presentation: str
    failed: bool
    groups: Mapping[str, str]


class Handed(NamedTuple):
    """A native event, and the moment at which it happened and arrived."""

    at: datetime
    student: str
    data: bytes


@dataclass(frozen=True)
class Oulad:
    """What is read of a folder. ``roster``: lines of each plain roster file, the header first."""

    roster: Mapping[str, Sequence[Row]]
    handed_in: Sequence[Handed]
    enrolled: Mapping[tuple[str, str], Enrolled]


def end_of(day: int) -> datetime:
    """Return the last second of a day, counted from the start of the presentations, which is day 0."""
    return datetime.combine(BEGINS + timedelta(days=day), time(23, 59, 59), UTC)


def read(folder: Path) -> Oulad:
    """Read a folder; raise FileNotFoundError for a file that is in neither form."""
    courses = list(_lines(folder, "courses"))
    assessments = list(_lines(folder, "assessments"))
    registrations = list(_lines(folder, "studentRegistration"))
    course_of = {line["id_assessment"]: _course(line) for line in assessments}
    roster: dict[str, list[Row]] = {
        "courses.csv": [("id", "begins", "ends"), *map(_course_row, courses)],
        "assessments.csv": [
            ("course", "id", "title", "due_at", "max_score", "counts"),
            *map(_assessment_row, assessments),
        ],
        "enrolments.csv": [
            ("course", "person", "role", "begins", "ends"),
            *map(_enrolment_row, registrations),
        ],
    }
    handed_in = [
        _handed(line, course_of[line["id_assessment"]])
        for line in _lines(folder, "studentAssessment")
        if line["is_banked"] != "1"  # taken over from an earlier presentation: nobody handed it in
    ]
    enrolled = {(one.course, one.student): one for one in map(_enrolled, _lines(folder, "studentInfo"))}
    return Oulad(roster, sorted(handed_in), enrolled)


def _lines(folder: Path, name: str) -> Iterator[Line]:
    packed = folder / f"{name}.csv.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / f"{name}.csv").read_bytes()
    yield from csv.DictReader(data.decode("utf-8-sig").splitlines())


def _course(line: Line) -> str:
    return f"{line['code_module']}-{line['code_presentation']}"


def _course_row(line: Line) -> Row:
    return _course(line), BEGINS, _day(line["module_presentation_length"])


def _assessment_row(line: Line) -> Row:
    number, kind, due = line["id_assessment"], line["assessment_type"], line["date"]
    counts = "false" if kind == "Exam" else "true"
    return _course(line), number, f"{kind} {number}", _day(due), 100, counts


def _enrolment_row(line: Line) -> Row:
    begins, ends = line["date_registration"], line["date_unregistration"]
    if begins not in UNKNOWN and ends not in UNKNOWN:
        begins = str(min(float(begins), float(ends)))  # some left before they came
    return _course(line), line["id_student"], "student", _day(begins), _day(ends)


def _handed(line: Line, course: str) -> Handed:
    student, assessment, score = line["id_student"], line["id_assessment"], line["score"]
    at = end_of(int(float(line["date_submitted"]))) - timedelta(hours=12)
    event = {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{student} {assessment}")),
        "student_id": student,
        "event_type": "submission",
        "timestamp": at.isoformat(),
        "score": None if score in UNKNOWN else float(score),
        "metadata": {"course": course, "assessment": assessment},
    }
    return Handed(at, student, json.dumps(event).encode())


def _enrolled(line: Line) -> Enrolled:
    groups = {
        "gender": line["gender"],
        "disability": line["disability"],
        "deprivation": _deprivation(line["imd_band"]),
    }
    failed = line["final_result"] in FAILED
    return Enrolled(_course(line), line["id_student"], line["code_presentation"], failed, groups)


def _deprivation(band: str) -> str:
    """Return the fifth of the index of multiple deprivation (band 0-10 % is the most deprived tenth)."""
    if band in UNKNOWN:
        return "unknown"
    first = int(band.partition("-")[0]) // 20 * 20
    most_or_least = {0: " most", 80: " least"}
    return f"{first}-{first + 20} %{most_or_least.get(first, '')}"


def _day(day: str) -> str:
    return "" if day in UNKNOWN else (BEGINS + timedelta(days=float(day))).isoformat()
