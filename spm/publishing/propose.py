"""Guesses a first map for a table from its header and first rows. A person then checks it."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice, product
from typing import Final

from processor.pipeline import Pipeline
from processor.student_performance import PIPELINE
from spm.errors import InputError
from spm.publishing.cells import NUMBER
from spm.publishing.files import Format, format_of
from spm.publishing.mapping import plain
from spm.publishing.members import Members, members_of
from spm.publishing.plan import fitting
from spm.reading.source import told_if_broken, unpacked
from spm.reading.tables import Layout, opened_table

ROWS_LOOKED_AT: Final = 500

OTHER_NAMES: Final = {
    "student_id": (
        "sis_user_id",
        "id_number",
        "student_number",
        "pupil_id",
        "pupil_no",
        "student_no",
        "user_id",
        "student",
    ),
    "event_type": ("type", "event", "kind", "activity_type"),
    "timestamp": (
        "time",
        "date",
        "date_time",
        "datetime",
        "submitted_at",
        "submitted",
        "handed_in",
        "completed",
    ),
    "score": ("points", "grade", "mark", "marks", "result"),
    "max_score": ("max", "maximum", "maximum_points", "points_possible", "max_points", "out_of"),
    "course": ("class", "course_id", "course_name", "class_id", "subject"),
    "assessment": ("assignment", "quiz", "test", "exam", "task", "work", "assignment_name"),
    "status": ("attendance",),
}
PERSONAL: Final = frozenset(
    {
        *("name", "first_name", "last_name", "surname", "full_name", "student_name", "username", "login"),
        *("sis_login_id", "email", "email_address", "e_mail", "mail", "phone", "address", "birthday"),
    }
)
TEMPLATES: Final = ("{title} ({assessment:d})", "{activity}: {assessment} (Real)")
NO_VALUE: Final = ("-", "–", "N/A", "n/a", "EX")
DATES: Final = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d %b %Y",
)
TIMES: Final = ("", " %H:%M", " %I:%M %p", " %H:%M:%S", " %I:%M:%S %p")


def propose(source: io.BufferedReader, form: Format | None, pipeline: Pipeline = PIPELINE) -> str:
    """Return the text of a map file. Raise InputError if the file is not a table, or has no header."""
    with told_if_broken():
        content = unpacked(source)
        if not content.peek(1):
            raise InputError("the file is empty: there is no header to propose a map from")
        form = form or format_of(content)
        if form not in {"csv", "xlsx"}:
            raise InputError("this file is JSON: it needs no map")
        with opened_table(source, content, Layout(), excel=form == "xlsx") as table:
            rows = [row.cells for row in islice(table.rows, ROWS_LOOKED_AT)]
    if not table.columns:
        raise InputError("the file is empty: there is no header to propose a map from")
    return "\n".join(_Proposal(table.columns, rows, members_of(pipeline)).lines()) + "\n"


class _Proposal:
    """What was guessed about a table."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], members: Members) -> None:
        self._columns = columns
        self._rows = rows
        self._members = members
        self._named = dict(_named(columns, members.known))
        self._personal = [c for c in columns if plain(c) in PERSONAL and c not in self._named.values()]
        left = [c for c in columns if c not in (*self._named.values(), *self._personal)]
        can_unfold = "score" in members.known and "score" not in self._named
        self._template, self._unfolded = _unfolded(left) if can_unfold else ("", [])

    def lines(self) -> Iterator[str]:
        """Yield the lines of the map."""
        yield "# Proposed by spm publish --propose-map: check it, then try it with --dry-run."
        values = [cell for column in self._value_columns() for cell in self._samples(column)]
        if empty := [text for text in NO_VALUE if text in values]:
            yield f"empty = {json.dumps(empty, ensure_ascii=False)}"
        if any(re.fullmatch(r"-?\d+,\d+", value) for value in values):
            yield 'decimal = ","'
        if self._personal:
            yield f"leave_out = {json.dumps(self._personal, ensure_ascii=False)}  # not to be stored"
        if self._template or not self._members.is_open:
            yield 'rest = "leave out"'
        yield from ("", "[columns]")
        for member in self._members.known:
            if member in self._named:
                yield f"{member} = {json.dumps(self._named[member], ensure_ascii=False)}"
            elif member in self._members.required and member != "event_type":
                yield f'# {member} = "…"  # required: the column that holds it'
        yield from self._constants()
        yield from self._unfold()
        yield from self._time()

    def _constants(self) -> Iterator[str]:
        if "event_type" in self._named or "event_type" not in self._members.required:
            return
        attendance = "status" in self._named or self._template == "{timestamp}"
        yield from ("", "[constants]")
        yield f'event_type = "{"attendance" if attendance else "quiz_score"}"  # what these rows are'

    def _unfold(self) -> Iterator[str]:
        if not self._template:
            return
        yield from ("", "[unfold]  # each cell of these columns is an event")
        yield f"columns = {json.dumps(self._template)}"
        if self._template == "{timestamp}":
            yield 'into = "status"'
        for row in self._rows[:3]:
            if row and plain(row[0]) == "points_possible":
                yield f"maximum_row = {json.dumps(row[0].strip())}"

    def _time(self) -> Iterator[str]:
        times = [name for name, member in self._members.own.items() if member.kind in {"time", "day"}]
        samples = [text for name in times if name in self._named for text in self._samples(self._named[name])]
        if self._template == "{timestamp}":
            samples = list(self._unfolded)
        formats = _formats_of(samples)
        if not samples or (not formats and all(_has_offset(text) for text in samples)):
            return
        yield from ("", "[time]")
        yield 'zone = "UTC"  # the time zone of these times, for example "Europe/Berlin"'
        if formats:
            doubt = f"  # or {formats[1]}: these rows fit both" if len(formats) > 1 else ""
            yield f"format = {json.dumps(formats[0])}{doubt}"

    def _samples(self, column: str) -> list[str]:
        index = self._columns.index(column)
        cells = (row[index].strip() for row in self._rows if index < len(row))
        return [cell for cell in cells if cell]

    def _value_columns(self) -> list[str]:
        return [self._named["score"]] if "score" in self._named else list(self._unfolded)


FORMATS: Final = tuple(date + time for time, date in product(TIMES, DATES))


def _named(columns: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield members with their columns. A member's own name comes before its other names."""
    left = {plain(column): column for column in reversed(list(columns))}
    for member in known:
        for name in (member, *OTHER_NAMES.get(member, ())):
            if name in left:
                yield member, left.pop(name)
                break


def _unfolded(columns: Sequence[str]) -> tuple[str, list[str]]:
    for template in TEMPLATES:
        if found := fitting(template, columns):
            return template, found
    dates = [c for c in columns if any(_fits(c, form) for form in DATES) or _is_iso(c)]
    return ("{timestamp}", dates) if len(dates) > 1 else ("", [])


def _formats_of(samples: Sequence[str]) -> list[str]:
    """Return the formats that most samples fit. A few samples may be mistyped."""
    fitting = {form: sum(_fits(text, form) for text in samples) for form in FORMATS}
    most = max(fitting.values())
    return [form for form, count in fitting.items() if count == most > len(samples) // 2]


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it fits
    except ValueError:
        return False
    return True


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return NUMBER.fullmatch(text) is None


def _has_offset(text: str) -> bool:
    return _is_iso(text) and datetime.fromisoformat(text).tzinfo is not None
