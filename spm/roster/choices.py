"""What the files of a roster do not tell, and whoever imports them chooses."""

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
    """What the files do not tell; ``today``: when what is deleted without a date ends."""

    person_id: PersonId
    course_id: CourseId
    time_zone: str
    today: date
