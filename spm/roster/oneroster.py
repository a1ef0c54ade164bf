"""OneRoster 1.2 in CSV (1EdTech, "OneRoster: CSV Binding 1.2.1"), and 1.1, which names the same columns.

A class is our course, a line item our assessment, and a user our person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from processor.roster import LONGEST_ID, LONGEST_TITLE, Assessment, Course, Enrolment, Person, Role
from spm.roster.cells import Cells, rows
from spm.roster.choices import Choices, CourseId, PersonId
from spm.roster.files import Files, read
from spm.roster.roster import Key, Placed, Roster

VERSIONS: Final = ("1.1", "1.2")
STATUSES: Final = ("active", "inactive", "tobedeleted")
ROLES: Final[Mapping[str, Role]] = {"student": "student", "teacher": "teacher"}
READ: Final = frozenset(
    {
        "manifest.csv",
        "orgs.csv",
        "academicsessions.csv",
        "classes.csv",
        "users.csv",
        "enrollments.csv",
        "categories.csv",
        "lineitems.csv",
    }
)
TELLING: Final = READ - {"orgs.csv", "categories.csv"}

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "manifest.csv": ("propertyName", "value"),
    "orgs.csv": ("sourcedId",),
    "academicsessions.csv": ("sourcedId", "startDate", "endDate"),
    "classes.csv": ("sourcedId", "title"),
    "users.csv": ("sourcedId", "givenName", "familyName"),
    "enrollments.csv": ("classSourcedId", "userSourcedId", "role"),
    "categories.csv": ("sourcedId",),
    "lineitems.csv": ("sourcedId", "title", "classSourcedId"),
}

TIME_ZONE: Final = "metadata.timeZone"
"""OneRoster has no time zones; a column that begins with ``metadata.`` is an extension that it allows."""


class AcademicSession(NamedTuple):
    """From a day until the day before another. None means that it is open."""

    begins: date | None
    ends: date | None


class User(NamedTuple):
    """A user. ``id`` is empty if the chosen column is."""

    id: str
    name: str
    left: date | None
    cells: Cells


@dataclass
class Reader:
    """Reads the files one after the other, beginning with those to which others refer by ``sourcedId``."""

    files: Files
    choices: Choices
    roster: Roster = field(default_factory=lambda: Roster(course_column="classSourcedId"))
    zones: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, AcademicSession] = field(default_factory=dict)
    weightless: set[str] = field(default_factory=set)
    classes: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    enrolments: dict[Key, tuple[Enrolment, Cells]] = field(default_factory=dict)

    def read(self) -> Roster:
        """Return what the files say."""
        self._manifest()
        self._orgs()
        self._sessions()
        self._categories()
        self._classes()
        self._users()
        self._enrollments()
        self._line_items()
        self._people()
        for name in self.files.keys() - READ:
            self.roster.left_out[f"the file {self.files[name].name}"] += 1
        return self.roster

    def _rows(self, file: str) -> Iterator[Cells]:
        if file in self.files:
            yield from rows(read(self.files[file]), NEEDED[file], self.roster.problems)

    def _manifest(self) -> None:
        for cells in self._rows("manifest.csv"):
            name, value = cells.get("propertyName"), cells.get("value")
            if name == "oneroster.version" and value not in VERSIONS:
                cells.wrong("value", f"OneRoster {value} is unknown", " or ".join(VERSIONS))
            if not name.startswith("file."):
                continue
            file = f"{name.removeprefix('file.')}.csv"
            self.modes[file.lower()] = value
            if value in {"bulk", "delta"} and file.lower() in READ and file.lower() not in self.files:
                cells.wrong("value", f"{file} should be {value} and is not there", "absent, or the file")

    def _orgs(self) -> None:
        for cells in self._rows("orgs.csv"):
            if cells.get(TIME_ZONE):
                self.zones[cells.get("sourcedId")] = cells.zone(TIME_ZONE, "UTC")

    def _sessions(self) -> None:
        for cells in self._rows("academicsessions.csv"):
            self.sessions[cells.get("sourcedId")] = AcademicSession(
                cells.day("startDate"), cells.day("endDate")
            )

    def _categories(self) -> None:
        for cells in self._rows("categories.csv"):
            weight = cells.get("weight")
            if weight and not weight.strip("0."):
                self.weightless.add(cells.get("sourcedId"))

    def _classes(self) -> None:
        by_code = self.choices.course_id is CourseId.CLASS_CODE
        column = "classCode" if by_code else "sourcedId"
        for cells in self._rows("classes.csv"):
            course_id = cells.text(column, LONGEST_ID)
            self.classes[cells.get("sourcedId")] = course_id
            left, term = self._left(cells), self._term(cells)
            course = Course(
                id=course_id,
                title=cells.text("title", LONGEST_TITLE, otherwise=course_id),
                time_zone=self.zones.get(cells.get("schoolSourcedId"), self.choices.time_zone),
                begins=term.begins,
                ends=_earliest(left, term.ends),
                deleted=left is not None,
            )
            self.roster.add(
                course, cells, {"id": column, "begins": "termSourcedIds", "ends": "termSourcedIds"}
            )

    def _term(self, cells: Cells) -> AcademicSession:
        """Return the time from the first to the last day of a class's terms."""
        named = [term for term in map(str.strip, cells.get("termSourcedIds").split(",")) if term]
        for term in named:
            if term not in self.sessions and "academicsessions.csv" in self.files:
                cells.wrong(
                    "termSourcedIds", f"{term} is not in academicSessions.csv", "the sourcedId of a term"
                )
        spans = [self.sessions[term] for term in named if term in self.sessions]
        return AcademicSession(
            min((span.begins for span in spans if span.begins), default=None),
            max((span.ends for span in spans if span.ends), default=None),
        )

    def _users(self) -> None:
        for cells in self._rows("users.csv"):
            given = cells.get("preferredGivenName") or cells.get("givenName")
            family = cells.get("preferredFamilyName") or cells.get("familyName")
            chosen = cells.get(self.choices.person_id)
            user = User(chosen, f"{given} {family}".strip(), self._left(cells), cells)
            self.users[cells.text("sourcedId", LONGEST_ID)] = user

    def _enrollments(self) -> None:
        columns = {"person": "userSourcedId", "begins": "beginDate", "ends": "endDate"}
        for cells in self._rows("enrollments.csv"):
            role = ROLES.get(cells.text("role", LONGEST_ID).lower())
            if role is None:
                self.roster.left_out[f"enrollments with the role {cells.get('role')}"] += 1
                continue
            person, course = self._person_of(cells, role), self._course_of(cells)
            if not person or not course:
                continue
            user = self.users.get(cells.get("userSourcedId"))
            left = _earliest(self._left(cells), user.left if user else None)
            enrolment = Enrolment(
                course=course,
                person=person,
                role=role,
                begins=cells.day("beginDate"),
                ends=_earliest(left, cells.day("endDate")),
                deleted=left is not None,
            )
            self.roster.check(enrolment, cells, columns)
            self._merge(enrolment, cells)
        for key, (enrolment, cells) in self.enrolments.items():
            self.roster.rows["enrolments"][key] = Placed(enrolment, cells)

    def _merge(self, enrolment: Enrolment, cells: Cells) -> None:
        """Keep one enrolment, from the first day to the last, for a person who comes back to a class."""
        key = (enrolment.course, enrolment.person, enrolment.role)
        before, first = self.enrolments.get(key, (enrolment, cells))
        merged = replace(
            enrolment,
            begins=min(before.begins, enrolment.begins) if before.begins and enrolment.begins else None,
            ends=max(before.ends, enrolment.ends) if before.ends and enrolment.ends else None,
            deleted=before.deleted and enrolment.deleted,
        )
        self.enrolments[key] = merged, first

    def _person_of(self, cells: Cells, role: Role) -> str:
        sourced_id = cells.text("userSourcedId", LONGEST_ID)
        column = self.choices.person_id
        user = self.users.get(sourced_id)
        if user is None:
            if column is PersonId.SOURCED_ID and "users.csv" not in self.files:
                return sourced_id
            cells.wrong("userSourcedId", f"{sourced_id} is not in users.csv", "the sourcedId of a user")
            return ""
        if not user.id and role == "teacher":
            self.roster.left_out[f"enrollments of teachers without {column}"] += 1
        elif not user.id:
            where = f"{user.cells.file} line {user.cells.line}"
            cells.wrong("userSourcedId", f"{sourced_id} has no {column} ({where})", "another --person-id")
        return user.id

    def _course_of(self, cells: Cells) -> str:
        sourced_id = cells.text("classSourcedId", LONGEST_ID)
        course = self.classes.get(sourced_id)
        if course is not None:
            return course
        if self.choices.course_id is CourseId.CLASS_SOURCED_ID:
            return sourced_id  # it may have come with an earlier import
        cells.wrong("classSourcedId", f"{sourced_id} is not in classes.csv", "the sourcedId of a class")
        return ""

    def _line_items(self) -> None:
        columns = {"id": "sourcedId", "due_at": "dueDate"}
        for cells in self._rows("lineitems.csv"):
            course = self._course_of(cells)
            if not course:
                continue
            assessment = Assessment(
                course=course,
                id=cells.text("sourcedId", LONGEST_ID),
                title=cells.text("title", LONGEST_TITLE),
                due_at=cells.moment("dueDate"),
                max_score=cells.points("resultValueMax"),
                counts=cells.get("categorySourcedId") not in self.weightless,
                deleted=self._left(cells) is not None,
            )
            self.roster.add(assessment, cells, columns)

    def _people(self) -> None:
        """Keep only the names of those who take or teach something, if the files name everybody who does."""
        everybody = self._whole("enrollments.csv")
        enrolled = {person for _, person, _ in self.roster.rows["enrolments"]}
        for user in self.users.values():
            if not user.id or not user.name or (everybody and user.id not in enrolled):
                self.roster.left_out["users who take or teach nothing, or have no name or id"] += 1
                continue
            user.cells.text(self.choices.person_id, LONGEST_ID)
            name = user.name[:LONGEST_TITLE]
            person = Person(id=user.id, display_name=name, ends=user.left, deleted=user.left is not None)
            self.roster.add(person, user.cells, {"id": self.choices.person_id})

    def _whole(self, file: str) -> bool:
        return file in self.files and self.modes.get(file, "bulk") == "bulk"

    def _left(self, cells: Cells) -> date | None:
        """Return when something that is marked as deleted ended, or None if it is active."""
        if not cells.get("status") or cells.choice("status", STATUSES) == "active":
            return None
        changed = cells.moment("dateLastModified")
        return changed.date() if changed else self.choices.today


def read_oneroster(files: Files, choices: Choices) -> Roster:
    """Read a set of OneRoster files. Raise InputError if a file cannot be read at all."""
    return Reader(files, choices).read()


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day), default=None)
