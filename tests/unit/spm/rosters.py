"""Reads roster files for tests."""

from collections.abc import Mapping
from typing import Any

import msgspec

from spm.roster.choices import CourseId, PersonId
from spm.roster.files import ENDING, File, Files
from spm.roster.read import read_roster
from spm.roster.roster import Roster


def files(texts: Mapping[str, str | bytes]) -> Files:
    return {
        ENDING.sub(".csv", name).lower(): File(name, text if isinstance(text, bytes) else text.encode())
        for name, text in texts.items()
    }


def read(
    texts: Mapping[str, str | bytes],
    person: PersonId | None = None,
    course: CourseId | None = None,
    zone: str = "UTC",
) -> Roster:
    return read_roster(files(texts), person, course, zone)


def row(roster: Roster, table: str, *key: str) -> dict[str, Any]:
    return msgspec.structs.asdict(roster.rows[table][key].row)


def problems(texts: Mapping[str, str | bytes], **choices: Any) -> list[str]:
    return [str(problem) for problem in read(texts, **choices).problems]
