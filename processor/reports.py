"""Reports are statements that people run with a pipeline's filters. Nobody numbers parameters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from processor import statements
from processor.statements import BLANK, fill, identifier, identifiers

SQL: Final = statements.load(statements.FOLDER / "reports.sql")
PREFIX: Final = "report_"

SINCE: Final = "since"
UNTIL: Final = "until"
STORED_SINCE: Final = "stored_since"
AS_OF: Final = "as_of"
AS_TEACHER: Final = "as_teacher"
LIMIT: Final = "limit"
LOG: Final = "log"

TIMES: Final = {SINCE: "occurred_at >=", UNTIL: "occurred_at <", STORED_SINCE: "stored_at >="}
"""The filters that every report has: when events happened, and since when they were stored."""

_TYPES: Final = {**dict.fromkeys((*TIMES, AS_OF), "timestamptz"), LIMIT: "bigint"}  # all others are text


class Report(NamedTuple):
    """A statement whose ``$1``, ``$2``, … take these parameters.

    A report that does not read the log shows what is compacted.
    """

    sql: str
    parameters: Sequence[str]
    reads_log: bool


def standard(names: Sequence[str], filters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the statements of the reports that an event log with these columns and filters has."""
    missing = set()
    if "event_type" not in names:
        missing.add("report_types")
    if "student_id" not in filters:
        missing.add("report_student")
    return {name: sql for name, sql in SQL.items() if name not in missing}


def report(sql: str, log: str, names: Sequence[str], filters: Mapping[str, str]) -> Report:
    """Return the statement with its blanks filled in.

    ``filters`` says with what each compares its value. Raises ValueError for an unknown blank.
    """
    compared = {name: f"{column} =" for name, column in filters.items()} | TIMES
    conditions = [f"({{{name}}} IS NULL OR {left} {{{name}}})" for name, left in compared.items()]
    own = [name for name in names if name not in ("event_id", "occurred_at")]
    parameters = (*filters, *TIMES, AS_OF, AS_TEACHER, LIMIT)
    blanks = {
        LOG: identifier(log),
        "own": identifiers(own),
        "filtered": " AND ".join(conditions),
    }
    asked_for = fill(sql, blanks | {name: f"{{{name}}}" for name in parameters})
    used = list(dict.fromkeys(BLANK.findall(asked_for)))
    numbers = {name: f"${used.index(name) + 1}::{_TYPES.get(name, 'text')}" for name in used}
    return Report(fill(asked_for, numbers), used, LOG in BLANK.findall(sql))


def compared(filters: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each filter's name and what it compares: a column, or ``column.member`` of JSON."""
    for text in filters:
        column, _, member = text.partition(".")
        if member:
            yield member, f"{identifier(column)} ->> '{identifier(member)[1:-1]}'"
        else:
            yield column, identifier(column)
