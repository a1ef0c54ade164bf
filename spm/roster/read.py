"""Finds out which kind of roster a set of files is, and reads it."""

from datetime import UTC, datetime

from spm.errors import InputError
from spm.roster.cells import is_zone
from spm.roster.choices import Choices, CourseId, PersonId
from spm.roster.files import Files
from spm.roster.oneroster import TELLING, read_oneroster
from spm.roster.plain import FILES, read_plain
from spm.roster.roster import Roster


def read_roster(
    files: Files, person_id: PersonId | None, course_id: CourseId | None, time_zone: str
) -> Roster:
    """Read OneRoster files, or one plain file per table. Raise InputError if they are neither."""
    if not is_zone(time_zone):
        raise InputError(f"{time_zone} is not a time zone: write one such as Europe/Berlin")
    oneroster, plain = sorted(files.keys() & TELLING), sorted(files.keys() & FILES.keys())
    if oneroster:
        if others := [file for file in plain if file != "courses.csv"]:
            raise InputError(
                f"{oneroster[0]} belongs to OneRoster and {others[0]} does not: import one after the other"
            )
        today = datetime.now(UTC).date()
        return read_oneroster(
            files,
            Choices(
                person_id or PersonId.SOURCED_ID, course_id or CourseId.CLASS_SOURCED_ID, time_zone, today
            ),
        )
    if not plain:
        raise InputError(
            f"there is no roster in {', '.join(sorted(files))}: name OneRoster's files, or {', '.join(FILES)}"
        )
    if person_id or course_id:
        raise InputError("--person-id and --course-id are for OneRoster: plain files hold the ids of events")
    return read_plain(files, time_zone)
