"""What the files of a roster do not say, so that whoever imports them has to choose."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple


class PersonId(StrEnum):
    """Which column of users.csv is the id that events carry."""

    SOURCED_ID = "sourcedId"
    IDENTIFIER = "identifier"
    USERNAME = "username"
    EMAIL = "email"


class CourseId(StrEnum):
    """Which id of a class is the one that events carry."""

    CLASS_SOURCED_ID = "classSourcedId"
    CLASS_CODE = "classCode"


class Choices(NamedTuple):
    """What the files do not say. ``today`` is when things end that are deleted without a date."""

    person_id: PersonId
    course_id: CourseId
    time_zone: str
    today: date
