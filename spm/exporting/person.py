"""Makes files that a student can read, with everything about that student."""

import base64
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, NamedTuple

from portal.dashboard.tables import FORMULA
from processor.commands.export import ExportedColumn
from processor.commands.export_student import StudentTable
from spm.exporting.summary import summary
from spm.terminal.console import counted


class PersonFile(NamedTuple):
    """The name of a table's file, and what it holds, in words for the student."""

    file: str
    holds: str


TABLES: Final[Mapping[str, PersonFile]] = {
    "person": PersonFile("name", "Your name, as your school gave it to us."),
    "enrolment": PersonFile("courses", "The courses that your school says you are in, and in which role."),
    "assessment_exception": PersonFile("exceptions", "Work that you need not hand in, or may hand in later."),
    "roster_chunk": PersonFile(
        "import-under-way", "What your school has sent about you that is not in use yet."
    ),
    "student_performance": PersonFile("events", "Everything that was recorded about you, line by line."),
    "student_assessment": PersonFile(
        "results",
        "What you handed in, and your latest score; one line for each month in which something came.",
    ),
    "student_course": PersonFile(
        "activity", "How much was recorded in each course in each month, and how often you were there."
    ),
    "student_activity": PersonFile(
        "activity-by-day", "How much was recorded on each day, as it was counted earlier."
    ),
    "risk": PersonFile("risk", "How likely you seem to need help in each course now, and why."),
    "risk_change": PersonFile("risk-history", "When this changed, and why."),
    "alert": PersonFile("messages", "Messages that told your teachers about such a change."),
    "follow_up": PersonFile("conversations", "What your teachers noted after they had talked to you."),
    "access_log": PersonFile(
        "who-looked", "Who looked at any of this, when, and with which command or page."
    ),
    "rejected_event": PersonFile(
        "rejected", "What seems to be about you and could not be recorded, because it was faulty."
    ),
}

WORDS: Final[Mapping[str, str]] = {
    "id": "your id",
    "person": "your id",
    "student": "your id",
    "student_id": "your id",
    "display_name": "name",
    "begins": "from",
    "ends": "until the day before",
    "time_zone": "time zone of the course",
    "excused": "excused",
    "rows": "what was sent",
    "kind": "which list",
    "occurred_at": "when it happened",
    "event_type": "what happened",
    "metadata": "details",
    "max_score": "highest possible score",
    "event_id": "number that the sender gave it",
    "arrived_at": "when it came to us",
    "stored_at": "when it was stored",
    "assessment": "piece of work",
    "handed_in_at": "first handed in",
    "month": "month in which it came",
    "events": "how often something was recorded",
    "scored": "of these, with a score",
    "score_sum": "sum of the scores",
    "score_squares": "sum of the squares of the scores",
    "present": "times present",
    "late": "times late",
    "absent": "times absent",
    "first_at": "first time",
    "first_absent_at": "first time absent",
    "last_at": "last time",
    "from_level": "level before",
    "reasons": "why",
    "since": "since when",
    "evaluated_at": "when it was last worked out",
    "changed_at": "when it changed",
    "change_id": "number of the change",
    "taken_at": "when the message was written",
    "sent_at": "when it was sent",
    "attempts": "attempts to send it",
    "error": "why the last attempt failed",
    "channel": "sent by",
    "followed_up_at": "when",
    "who": "who",
    "accessed_at": "when",
    "command": "with which command or page",
    "request_id": "number of the request",
    "pipeline": "for which kind of record",
    "rejected_at": "when it was set aside",
    "reason": "what was wrong",
    "detail": "what exactly",
    "payload": "what was sent",
    "redriven_at": "when it could be recorded after all",
    "dismissed_at": "when somebody decided to leave it",
    "dismissed_because": "why it was left",
}
"""What columns are called for people; others keep their names, with spaces."""

README: Final = """\
What is kept about {student}

Made on {made}. It holds {rows} in {files}.
All times are in the time zone {zone}, each with its offset from UTC. "{shared}" means that a record also
holds something about other people.

Begin with summary.txt. Each other file is a table, which any spreadsheet opens; data.json holds the same for
programs, under the names that the system itself uses, with times in UTC.

{listed}

Two kinds of copies are not in here and are deleted after a while: the stream of events as they were sent,
and backups of the system. Whoever gave you this can tell you how long each is kept. Tell them if anything in
here is wrong.
"""
SHARED: Final = "held back"


def files(
    student: str, tables: Sequence[StudentTable], made: datetime, zone: tzinfo
) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file; a table without rows has no file."""
    held = [table for table in tables if table.rows]
    for table in held:
        yield f"{file_of(table).file}.csv", _csv(table, zone)
    yield "data.json", _json(student, tables, made)
    yield "summary.txt", summary(student, {table.name: objects(table, zone) for table in held})
    yield (
        "README.txt",
        README.format(
            student=student,
            made=moment(made.isoformat(), zone),
            rows=counted(sum(len(table.rows) for table in held), "line"),
            files=counted(len(held), "table"),
            zone=zone,
            shared=SHARED,
            listed="\n".join(
                f"{file_of(table).file}.csv ({counted(len(table.rows), 'line')})\n    {file_of(table).holds}"
                for table in held
            ),
        ),
    )


def file_of(table: StudentTable) -> PersonFile:
    """Return the table's file. The table of another pipeline gives its own name to the file."""
    words = table.name.replace("_", " ")
    return TABLES.get(
        table.name, PersonFile(table.name.replace("_", "-"), f"What was recorded as “{words}”.")
    )


def objects(table: StudentTable, zone: tzinfo) -> list[dict[str, Any]]:
    """Return the rows with values that a person can read, by the names of the columns."""
    names = [column.name for column in table.columns]
    return [
        dict(
            zip(
                names,
                (_shown(value, column, zone) for value, column in zip(row, table.columns, strict=True)),
                strict=True,
            )
        )
        for row in table.rows
    ]


def moment(text: str, zone: tzinfo) -> str:
    """Return a time in the zone, with its offset, to the second."""
    return datetime.fromisoformat(text).astimezone(zone).isoformat(" ", "seconds")


def _csv(table: StudentTable, zone: tzinfo) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([WORDS.get(column.name, column.name.replace("_", " ")) for column in table.columns])
    writer.writerows([_cell(value) for value in row.values()] for row in objects(table, zone))
    return out.getvalue()


def _shown(value: Any, column: ExportedColumn, zone: tzinfo) -> Any:  # noqa: ANN401 - whatever JSON holds
    if value is None:
        return SHARED if column.type == "bytea" else None
    if column.type == "timestamptz":
        return moment(value, zone)
    if column.type == "bytea":
        return base64.b64decode(value).decode(errors="replace")
    if column.name == "reasons":
        return "; ".join(str(reason.get("sentence", reason)) for reason in value)
    return value


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    # A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, "CSV Injection").
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _json(student: str, tables: Sequence[StudentTable], made: datetime) -> str:
    held = {
        table.name: [
            dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows
        ]
        for table in tables
    }
    return json.dumps(
        {"student": student, "made_at": made.isoformat(), "tables": held}, ensure_ascii=False, indent=1
    )
