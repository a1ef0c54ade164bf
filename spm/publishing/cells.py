"""A cell's text as the JSON of the member that it becomes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from spm.errors import InputError
from spm.publishing.mapping import Time

NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
"""As JSON writes it: what fits is sent as it is, however many digits it has."""
TIMES_REMEMBERED: Final = 1 << 16

EXAMPLES: Final = {
    "student_id": "s-1024",
    "event_type": "quiz_score",
    "score": "91.5",
    "max_score": "100",
    "timestamp": "2026-11-24T15:15:00Z",
    "event_id": "0197c5f2-1d3a-7c44-9f0e-5a2f8f6f2f10",
    "metadata": '{"course": "MATH-101"}',
}

Convert = Callable[[str], str]


class BadCell(ValueError):
    """A cell that cannot become its member: ``problem`` says why, ``right`` is an example that could."""

    def __init__(self, problem: str, right: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.right = right


def number(decimal: str) -> Convert:
    """Return what makes a number of a cell, digit by digit."""
    right = EXAMPLES["score"].replace(".", decimal)

    def convert(cell: str) -> str:
        written = cell.replace(decimal, ".") if decimal != "." and "." not in cell else cell
        if NUMBER.fullmatch(written) is None or (decimal != "." and "." in cell):
            raise BadCell("is not a number", right)
        return written

    return convert


def moment(time: Time) -> Convert:
    """Return what makes a time in UTC of a cell; raise InputError where the zone or a format is none."""
    zone = _zone(time.zone)
    formats = [time.format] if isinstance(time.format, str) else time.format
    right = _example(formats)

    @lru_cache(TIMES_REMEMBERED)
    def convert(cell: str) -> str:
        read = _read_time(cell, formats, right)
        if read.tzinfo is None:
            if zone is None:
                raise BadCell('has no time zone: name it in the map, [time] zone = "Europe/Berlin"', right)
            read = read.replace(tzinfo=zone)
        try:
            return f'"{read.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"'
        except OverflowError as error:
            raise BadCell("is not a time of any school", right) from error

    return convert


def members_of(cell: str) -> list[str]:
    """Return the members of a cell that holds a JSON object, each as JSON; other text is one member."""
    if not cell.startswith("{"):
        return [f'"metadata":{encode_basestring(cell)}']
    try:
        members = msgspec.json.decode(cell, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadCell("is not a JSON object", EXAMPLES["metadata"]) from error
    return [f"{encode_basestring(name)}:{bytes(value).decode()}" for name, value in members.items()]


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name} is not a time zone: write one like Europe/Berlin, or UTC") from error


def _example(formats: list[str]) -> str:
    """The example in the first format, so that it can be compared with the cell."""
    if not formats:
        return EXAMPLES["timestamp"]
    return datetime.fromisoformat(EXAMPLES["timestamp"]).strftime(formats[0])


def _read_time(cell: str, formats: list[str], right: str) -> datetime:
    for form in formats:
        if form == "unix":
            return _from_unix(cell, right)
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(cell)
    except ValueError as error:
        raise BadCell("is not a time", right) from error


def _from_unix(cell: str, right: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(cell), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadCell("is not a time", right) from error
