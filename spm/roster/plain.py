"""Reads one plain CSV file per table, with the table's columns."""

from collections.abc import Callable
from typing import Final, NamedTuple

from processor.roster import LONGEST_ID, LONGEST_TITLE, ROLES, AnyRow, Assessment, Course, Enrolment, Person
from spm.roster.cells import Cells, rows
from spm.roster.files import Files, read
from spm.roster.roster import Roster


class Plain(NamedTuple):
    """How one file is read. Columns that are not needed may be missing."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]
    row: Callable[[Cells, str], AnyRow]


def read_plain(files: Files, time_zone: str) -> Roster:
    """Read those files that are tables of a roster. ``time_zone`` is for courses that name none."""
    roster = Roster()
    for name, plain in FILES.items():
        if name not in files:
            continue
        table = read(files[name])
        named = {column: column for column in plain.columns}
        for column in table.columns:
            if column.lower() not in plain.columns:
                roster.left_out[f"the column {column} of {table.file}"] += 1
        for cells in rows(table, plain.needed, roster.problems):
            roster.add(plain.row(cells, time_zone), cells, named)
    for name in files.keys() - FILES.keys():
        roster.left_out[f"the file {files[name].name}"] += 1
    return roster


def _course(cells: Cells, time_zone: str) -> Course:
    course_id = cells.text("id", LONGEST_ID)
    return Course(
        id=course_id,
        title=cells.text("title", LONGEST_TITLE, otherwise=course_id),
        time_zone=cells.zone("time_zone", time_zone),
        begins=cells.day("begins"),
        ends=cells.day("ends"),
    )


def _assessment(cells: Cells, _time_zone: str) -> Assessment:
    assessment_id = cells.text("id", LONGEST_ID)
    return Assessment(
        course=cells.text("course", LONGEST_ID),
        id=assessment_id,
        title=cells.text("title", LONGEST_TITLE, otherwise=assessment_id),
        due_at=cells.moment("due_at"),
        max_score=cells.points("max_score"),
        counts=cells.flag("counts", otherwise=True),
    )


def _enrolment(cells: Cells, _time_zone: str) -> Enrolment:
    return Enrolment(
        course=cells.text("course", LONGEST_ID),
        person=cells.text("person", LONGEST_ID),
        role="teacher" if cells.choice("role", ROLES) == "teacher" else "student",
        begins=cells.day("begins"),
        ends=cells.day("ends"),
    )


def _person(cells: Cells, _time_zone: str) -> Person:
    return Person(id=cells.text("id", LONGEST_ID), display_name=cells.text("display_name", LONGEST_TITLE))


FILES: Final = {
    "courses.csv": Plain(("id", "title", "time_zone", "begins", "ends"), ("id",), _course),
    "assessments.csv": Plain(
        ("course", "id", "title", "due_at", "max_score", "counts"), ("course", "id"), _assessment
    ),
    "enrolments.csv": Plain(
        ("course", "person", "role", "begins", "ends"), ("course", "person", "role"), _enrolment
    ),
    "people.csv": Plain(("id", "display_name"), ("id", "display_name"), _person),
}
