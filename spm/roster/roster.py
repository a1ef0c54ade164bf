"""What was read from a school's files: rows by table and key, each with the line where it was."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from processor.roster import TABLES, AnyRow, Assessment, Course, Person, wrong
from spm.roster.cells import CellProblem, Cells

Key = tuple[str, ...]

RIGHT: Final = {
    "ends": "a later day",
    "begins": "a date of our days",
    "due_at": "a date of our days",
    "person": "the student_id that events carry",
}


class Placed(NamedTuple):
    """A row and where it was."""

    row: AnyRow
    cells: Cells


@dataclass
class Roster:
    """Rows that are right, problems with others, and how many rows were left out on purpose, by reason.

    ``course_column`` is the column in which rows refer to a course.
    """

    course_column: str = "course"
    rows: dict[str, dict[Key, Placed]] = field(default_factory=lambda: {table: {} for table in TABLES})
    problems: list[CellProblem] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def check(self, row: AnyRow, cells: Cells, columns: Mapping[str, str]) -> None:
        """Note what is wrong with a row as a whole. ``columns`` says in which column each member is."""
        if no := wrong(row):
            cells.wrong(columns.get(no.member, no.member), no.problem, RIGHT[no.member])

    def add(self, row: AnyRow, cells: Cells, columns: Mapping[str, str]) -> None:
        """Take a row, unless its key is already there, and note what is wrong with it."""
        self.check(row, cells, columns)
        table, key = _key(row)
        other = self.rows[table].setdefault(key, Placed(row, cells))
        if other.row is not row:
            column = columns.get("id", columns.get("person", "id"))
            cells.wrong(column, f"{' '.join(key)} is in line {other.cells.line} too", "each once")

    def listed(self) -> Iterator[tuple[str, AnyRow]]:
        """Yield every row with its table, in the order in which tables refer to each other."""
        for table in TABLES:
            for placed in self.rows[table].values():
                yield table, placed.row

    def referring_to(self, courses: list[str]) -> list[CellProblem]:
        """Return, for each of these unknown courses, a problem of the first row that refers to it."""
        first: dict[str, CellProblem] = {}
        for table in ("assessments", "enrolments"):
            for (course, *_), (_row, cells) in self.rows[table].items():
                if course in courses and course not in first:
                    problem, right = f"there is no course {course}", "a course that is imported"
                    first[course] = CellProblem(cells.file, cells.line, self.course_column, problem, right)
        return list(first.values())


def _key(row: AnyRow) -> tuple[str, Key]:
    if isinstance(row, Course):
        return "courses", (row.id,)
    if isinstance(row, Assessment):
        return "assessments", (row.course, row.id)
    if isinstance(row, Person):
        return "people", (row.id,)
    return "enrolments", (row.course, row.person, row.role)
