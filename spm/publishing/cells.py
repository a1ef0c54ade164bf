"""Turns a cell's text into the JSON of its member."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from spm.errors import InputError
from spm.publishing.mapping import Time

NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
"""A number as JSON writes it. A cell that matches is sent as it is, however many digits it has."""
DAY_AND_TIME: Final = re.compile(r"((?:%[YmdybBaA]|[^%])+) ((?:%[HIMSp]|[^%])+)")
WITHOUT_DAY: Final = datetime(1900, 1, 1)  # noqa: DTZ001 - where strptime puts a time of day
TIMES_REMEMBERED: Final = 1 << 12

EXAMPLES: Final = {
    "student_id": "s-1024",
    "event_type": "quiz_score",
    "score": "91.5",
    "max_score": "100",
    "timestamp": "2026-11-24T15:15:00Z",
    "event_id": "0197c5f2-1d3a-7c44-9f0e-5a2f8f6f2f10",
    "metadata": '{"course": "MATH-101"}',
    # What other members may hold, by kind.
    "text": "A-17",
    "number": "91.5",
    "flag": "true",
    "time": "2026-11-24T15:15:00Z",
    "day": "2026-11-24",
    "json": '{"pages": 12}',
}

Convert = Callable[[str], str]


class BadCell(ValueError):
    """A cell cannot become its member. ``problem`` says why, and ``right`` is an example that could."""

    def __init__(self, problem: str, right: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.right = right


def number(decimal: str) -> Convert:
    """Return a function that makes a number of a cell, digit by digit."""
    right = EXAMPLES["score"].replace(".", decimal)

    def convert(cell: str) -> str:
        written = cell
        if decimal != ".":
            # A point would separate thousands, or the map is not for this file. Nobody can tell which.
            written = cell.replace(decimal, ".") if "." not in cell else ""
        if NUMBER.fullmatch(written) is None:
            raise BadCell("is not a number", right)
        return written

    return convert


def moment(time: Time) -> Convert:
    """Return a function that makes a time in UTC of a cell. Raise InputError if the zone does not exist."""
    zone = _zone(time.zone)
    formats = [time.format] if isinstance(time.format, str) else time.format
    readers = [*(_reader(form) for form in formats), datetime.fromisoformat]
    right = _example(formats)

    def convert(cell: str) -> str:
        read = _read_time(cell, readers, right)
        try:
            if read.tzinfo is not None:
                return f'"{read.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"'
            offset = zone.utcoffset(read) if zone is not None else None
            if offset is None:
                raise BadCell('has no time zone: name it in the map, [time] zone = "Europe/Berlin"', right)
            return f'"{(read - offset).isoformat()}Z"'
        except OverflowError as error:
            raise BadCell("is not a time that a school could mean", right) from error

    return convert


def day(time: Time) -> Convert:
    """Return a function that makes a day of a cell, whatever time of day is beside it."""
    formats = [time.format] if isinstance(time.format, str) else time.format
    readers = [*(_reader(form) for form in formats), datetime.fromisoformat]
    return lambda cell: f'"{_read_time(cell, readers, EXAMPLES["day"]).date().isoformat()}"'


def flag(cell: str) -> str:
    """Return a cell that says true or false, in lower or upper case, as JSON."""
    if cell.lower() not in {"true", "false"}:
        raise BadCell("is neither true nor false", EXAMPLES["flag"])
    return cell.lower()


def document(cell: str) -> str:
    """Return a cell that holds JSON, as it is."""
    try:
        msgspec.json.decode(cell)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadCell("is not JSON", EXAMPLES["json"]) from error
    return cell


def object_members(cell: str) -> str:
    """Return the members of a cell that holds a JSON object, as JSON. Other text is one member."""
    if not cell.startswith("{"):
        return f'"metadata":{encode_basestring(cell)}'
    try:
        members = msgspec.json.decode(cell, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadCell("is not a JSON object", EXAMPLES["metadata"]) from error
    return ",".join(f"{encode_basestring(name)}:{bytes(value).decode()}" for name, value in members.items())


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name} is not a time zone: write one such as Europe/Berlin, or UTC") from error


def _example(formats: list[str]) -> str:
    """Return the example in the first format, so that it can be compared with the cell."""
    if not formats:
        return EXAMPLES["timestamp"]
    return datetime.fromisoformat(EXAMPLES["timestamp"]).strftime(formats[0])


def _read_time(cell: str, readers: Sequence[Callable[[str], datetime]], right: str) -> datetime:
    for read in readers:
        try:
            return read(cell)
        except (ValueError, OverflowError, OSError):
            continue
    raise BadCell("is not a time", right)


def _reader(form: str) -> Callable[[str], datetime]:
    """Return a function that reads times of a format.

    ``strptime`` takes as long as the rest of a row. A file has few days, and a day has few minutes. If a
    format is a day, a space and a time of day, both are read separately and remembered.
    """
    if form == "unix":
        return lambda text: datetime.fromtimestamp(float(text), UTC)

    def whole(text: str) -> datetime:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds the zone

    day_form, time_form = _halves(form)
    if not time_form:
        return lru_cache(TIMES_REMEMBERED)(whole)
    spaces = day_form.count(" ") + 1

    @lru_cache(TIMES_REMEMBERED)
    def day(text: str) -> datetime:
        return datetime.strptime(text, day_form)  # noqa: DTZ007 - as above

    @lru_cache(TIMES_REMEMBERED)
    def time_of_day(text: str) -> timedelta:
        return datetime.strptime(text, time_form) - WITHOUT_DAY  # noqa: DTZ007 - as above

    def both(text: str) -> datetime:
        end = _place_of_space(text, spaces)
        try:
            return day(text[:end]) + time_of_day(text[end + 1 :])
        except ValueError:
            return whole(text)

    return both


def _place_of_space(text: str, number: int) -> int:
    """Return the position of the n-th space, counted from 1, or -1 if there are fewer."""
    place = -1
    for _ in range(number):
        place = text.find(" ", place + 1)
    return place


def _halves(form: str) -> tuple[str, str]:
    """Return the formats of day and time of day. The latter is empty if they cannot be read separately."""
    match = DAY_AND_TIME.fullmatch(form)
    return (match[1], match[2]) if match else (form, "")
