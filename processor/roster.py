"""The rows of a roster, as ``spm`` sends them to the operations function (docs/roster.md)."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from msgspec import Meta, Struct, field

LONGEST_ID: Final = 200
LONGEST_TITLE: Final = 500
LONGEST_STUDENT_ID: Final = 50
"""As an event's ``student_id``."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200

Role = Literal["student", "teacher"]
ROLES: Final[tuple[str, ...]] = get_args(Role)

_Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_Title = Annotated[str, Meta(max_length=LONGEST_TITLE)]
_Points = Annotated[float, Meta(gt=0)]


class _Row(Struct, kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """``deleted`` means that the school says it is over. The subclass says what that does."""

    deleted: bool = False


class Course(_Row, kw_only=True, gc=False):
    """A course. A deleted one ends on ``ends``, or earlier if it had ended before."""

    id: _Id
    title: _Title
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]
    begins: date | None = None
    ends: date | None = None


class Assessment(_Row, kw_only=True, gc=False):
    """Due work. Without an offset, ``due_at`` is in the course's time zone. Deleted work no longer counts."""

    course: _Id
    id: _Id
    title: _Title
    due_at: datetime | None = None
    max_score: _Points | None = None
    counts: bool = True


class Enrolment(_Row, kw_only=True, gc=False):
    """A person in a course. A deleted enrolment ends as a course does."""

    course: _Id
    person: _Id
    role: Role
    begins: date | None = None
    ends: date | None = None


class Person(_Row, kw_only=True, gc=False):
    """A name. A deleted person's name is removed, and their enrolments end on ``ends``."""

    id: _Id
    display_name: _Title
    ends: date | None = None


class Rows(Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Rows of each table, in the order in which they refer to each other."""

    courses: list[Course] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    enrolments: list[Enrolment] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)


TABLES: Final = Rows.__struct_fields__

AnyRow = Course | Assessment | Enrolment | Person


class Wrong(NamedTuple):
    """What is wrong with a row: the member, and why, in words."""

    member: str
    problem: str


def wrong(row: AnyRow) -> Wrong | None:
    """Return problems that no single type can find, because they need several members or a rule."""
    begins, ends = getattr(row, "begins", None), getattr(row, "ends", None)
    if begins and ends and ends < begins and not row.deleted:
        return Wrong("ends", f"is {ends}, before it begins on {begins}")
    for member in ("begins", "ends", "due_at"):
        moment: Any = getattr(row, member, None)
        if moment and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            return Wrong(member, f"is in the year {moment.year}, not from {FIRST_YEAR} to {LAST_YEAR}")
    if isinstance(row, Enrolment) and row.role == "student" and len(row.person) > LONGEST_STUDENT_ID:
        return Wrong("person", f"has {len(row.person)} characters; an event's student_id has at most 50")
    return None
