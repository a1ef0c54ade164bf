"""Which due work the made-up school leaves out, in plain Python, to compare with what was found."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from processor.commands.risk_list import ListedRisk
from spm.school import School, TaughtCourse
from spm.term import NativeEvent

GRACE: Final = timedelta(hours=24)


class MissingWork(NamedTuple):
    """How many pieces of work were due for a student, and how many of them the student left out."""

    missing: int
    due: int


def differences(school: School, happened: Sequence[NativeEvent], found: Sequence[ListedRisk]) -> list[str]:
    """Return a line for each student about whose missing work the pipeline says something else than was made.

    A student who left out half or more must be named. A few missing pieces may be too little for a reason.
    """
    handed_in = frozenset(_handed_in(happened))
    rows = {(row.course, row.student): row for row in found}
    different = []
    for student, course in ((pupil.id, course) for pupil in school.pupils for course in pupil.courses):
        row = rows.get((course.id, student))
        if row is None:
            different.append(f"{student} in {course.id}: not evaluated")
            continue
        made, told = _left_out(course, student, handed_in, row.evaluated_at), _told(row)
        if told != made and (told or 2 * made.missing >= made.due):
            different.append(f"{student} in {course.id}: left out {made}, told {told}")
    return different


def _left_out(
    course: TaughtCourse, student: str, handed_in: frozenset[tuple[str, str, str]], at: datetime
) -> MissingWork:
    due = [work for work in course.work if work.kind != "exam" and work.due <= at]
    left_out = [work for work in due if (course.id, student, work.id) not in handed_in]
    return MissingWork(sum(work.due + GRACE <= at for work in left_out), len(due))


def _handed_in(happened: Sequence[NativeEvent]) -> Iterator[tuple[str, str, str]]:
    for event in happened:
        if "assessment" in event["metadata"]:
            yield event["metadata"]["course"], event["student_id"], event["metadata"]["assessment"]


def _told(row: ListedRisk) -> MissingWork | None:
    for reason in row.reasons:
        if reason.rule == "missing":
            return MissingWork(reason.numbers["missing"], reason.numbers["due"])
    return None
