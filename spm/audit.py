"""How well the levels predicted who would fail: a course's outcomes compared with who was at risk in it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec

from processor.commands.risk_flags import Flag
from spm.errors import InputError
from spm.roster.files import File, read

FEWEST: Final = 10
"""A smaller group is not shown, because figures about a few students reveal something about each."""

FAILED: Final = frozenset(("failed", "fail", "withdrawn", "withdrew", "1", "yes", "true"))
PASSED: Final = frozenset(("passed", "pass", "distinction", "0", "no", "false"))
NEEDED: Final = ("course", "student", "outcome")


class CourseOutcome(NamedTuple):
    """How a course ended for a student; ``groups``: column → value."""

    course: str
    student: str
    failed: bool
    groups: Mapping[str, str]


class LevelFigures(msgspec.Struct):
    """How many ``students`` ``failed``, how many were ``flagged``, and how many were both (``found``).

    ``precision`` is the share of those flagged who failed. ``recall`` is the share of those who failed who
    were flagged. ``lead_days`` is the median time before the course's end at which those found were first
    flagged. Each is None if there is nothing to divide by, or no course's end is known.
    """

    students: int
    failed: int
    flagged: int
    found: int
    precision: float | None
    recall: float | None
    lead_days: float | None


class GroupFigures(msgspec.Struct):
    """The figures of the students who have a value in a column."""

    column: str
    value: str
    elevated: LevelFigures
    high: LevelFigures


class AuditReport(msgspec.Struct):
    """Figures of both levels, by group, and how many groups of each column are hidden."""

    elevated: LevelFigures
    high: LevelFigures
    groups: list[GroupFigures]
    hidden: dict[str, int]


def read_outcomes(file: Path) -> list[CourseOutcome]:
    """Return the file's rows; raise InputError naming the first line that cannot be used."""
    try:
        table = read(File(file.name, file.read_bytes()))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    columns = [column.lower() for column in table.columns]
    if missing := [name for name in NEEDED if name not in columns]:
        raise InputError(f"{file.name} has no column {missing[0]}: it needs {', '.join(NEEDED)}")
    found: dict[tuple[str, str], CourseOutcome] = {}
    for row in table.rows:
        cells = dict(zip(columns, (cell.strip() for cell in row.cells), strict=False))
        course, student, outcome = (cells.pop(name, "") for name in NEEDED)
        where = f"{file.name} line {row.line}"
        if not course or not student:
            raise InputError(f"{where}: course and student must not be empty")
        if outcome.lower() not in FAILED | PASSED:
            raise InputError(
                f"{where}: outcome is {outcome!r}; write failed, withdrawn, passed or distinction"
            )
        if (course, student) in found:
            raise InputError(f"{where}: {student} in {course} was there already: keep only one line")
        groups = {name: value or "not given" for name, value in cells.items() if name}
        found[course, student] = CourseOutcome(course, student, outcome.lower() in FAILED, groups)
    return list(found.values())


def audit(outcomes: Sequence[CourseOutcome], flags: Iterable[Flag]) -> AuditReport:
    """Return the figures; raise InputError for fewer than ten students.

    A group of fewer than ten is hidden, and so are the next larger ones until at least ten students are
    hidden. Otherwise the difference between the total and the groups that are shown would reveal it.
    """
    if len(outcomes) < FEWEST:
        raise InputError(
            f"there are {len(outcomes)} outcomes: figures about fewer than {FEWEST} are not shown"
        )
    by_student = {(flag.course, flag.student): flag for flag in flags}
    report = AuditReport(*_levels(outcomes, by_student), groups=[], hidden={})
    for column in dict.fromkeys(name for outcome in outcomes for name in outcome.groups):
        members: dict[str, list[CourseOutcome]] = {}
        for outcome in outcomes:
            members.setdefault(outcome.groups.get(column, "not given"), []).append(outcome)
        hidden = hidden_of({value: len(group) for value, group in members.items()})
        if hidden:
            report.hidden[column] = len(hidden)
        report.groups += [
            GroupFigures(column, value, *_levels(group, by_student))
            for value, group in sorted(members.items())
            if value not in hidden
        ]
    return report


def hidden_of(sizes: Mapping[str, int]) -> set[str]:
    """Return the groups that are too small to be shown, and those that would reveal them by difference."""
    hidden: set[str] = set()
    together = 0
    for value in sorted(sizes, key=lambda value: (sizes[value], value)):
        if sizes[value] >= FEWEST and (together == 0 or together >= FEWEST):
            break
        hidden.add(value)
        together += sizes[value]
    return hidden


def _levels(
    outcomes: Sequence[CourseOutcome], flags: Mapping[tuple[str, str], Flag]
) -> tuple[LevelFigures, LevelFigures]:
    found = [(outcome, flags.get((outcome.course, outcome.student))) for outcome in outcomes]
    elevated = [(outcome, flag, flag.elevated_at if flag else None) for outcome, flag in found]
    high = [(outcome, flag, flag.high_at if flag else None) for outcome, flag in found]
    return _figures(elevated), _figures(high)


def _figures(rows: Sequence[tuple[CourseOutcome, Flag | None, datetime | None]]) -> LevelFigures:
    failed = sum(outcome.failed for outcome, _, _ in rows)
    flagged = sum(at is not None for _, _, at in rows)
    leads = [
        (flag.ends_at - at) / timedelta(days=1)
        for outcome, flag, at in rows
        if outcome.failed and flag and flag.ends_at and at
    ]
    found = sum(outcome.failed and at is not None for outcome, _, at in rows)
    return LevelFigures(
        students=len(rows),
        failed=failed,
        flagged=flagged,
        found=found,
        precision=found / flagged if flagged else None,
        recall=found / failed if failed else None,
        lead_days=round(median(leads), 1) if leads else None,
    )
