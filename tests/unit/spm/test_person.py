"""A student's files have plain words, times in their zone, and nothing that a spreadsheet would run."""

import base64
import csv
import io
import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from processor.commands.export import ExportedColumn
from processor.commands.export_student import StudentTable, tables
from processor.pipelines import load
from spm.commands.export_student import zone_of
from spm.errors import InputError
from spm.exporting.person import TABLES, WORDS, files

MADE = datetime(2026, 11, 30, 8, tzinfo=UTC)


def table(name: str, columns: dict[str, str], *rows: list[object]) -> StudentTable:
    return StudentTable(name, [ExportedColumn(*column) for column in columns.items()], list(rows))


EVENTS = table(
    "student_performance",
    {
        "occurred_at": "timestamptz",
        "student_id": "text",
        "event_type": "text",
        "score": "float8",
        "metadata": "jsonb",
    },
    ["2026-07-01T10:00:00.5Z", "ada", "=quiz", 7.5, {"course": "MATH"}],
    ["2026-11-01T10:00:00Z", "ada", "login", None, {}],
)
NAME = table("person", {"id": "text", "display_name": "text"}, ["ada", "Ada Lovelace"])
COURSES = table(
    "enrolment",
    {"person": "text", "course": "text", "title": "text", "role": "text", "time_zone": "text"},
    ["ada", "MATH", "Algebra", "student", "Europe/Berlin"],
)
RESULTS = table(
    "student_assessment",
    {
        "course": "text", "assessment": "text", "month": "date", "handed_in_at": "timestamptz",
        "occurred_at": "timestamptz", "score": "float8", "max_score": "float8",
    },
    ["MATH", "A1", "2026-10-01", "2026-10-01T10:00:00Z", "2026-10-01T10:00:00Z", 3, 20],
    ["MATH", "A1", "2026-11-01", "2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z", 17.5, 20],
)  # fmt: skip
RISK = table(
    "risk",
    {"course": "text", "level": "text", "since": "timestamptz", "reasons": "jsonb"},
    [
        "MATH",
        "elevated",
        "2026-11-01T10:00:00Z",
        [{"rule": "missing", "sentence": "Two essays are missing."}],
    ],
)
REJECTED = table(
    "rejected_event",
    {"reason": "text", "payload": "bytea"},
    ["not_json", base64.b64encode(b"ada \xff").decode()],
    ["broken_aggregate", None],
)
NOTHING = table("follow_up", {"who": "text", "note": "text"})


def made(*held: StudentTable) -> dict[str, str]:
    return dict(files("ada", held, MADE, ZoneInfo("Europe/Berlin")))


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_a_table_has_plain_words_and_times_of_the_zone() -> None:
    heading, first, second = rows(made(EVENTS)["events.csv"])
    assert heading == ["when it happened", "your id", "what happened", "score", "details"]
    assert first == ["2026-07-01 12:00:00+02:00", "ada", "'=quiz", "7.5", '{"course": "MATH"}']
    assert second == ["2026-11-01 11:00:00+01:00", "ada", "login", "", "{}"]


def test_what_was_sent_is_text_and_what_others_share_is_held_back() -> None:
    assert rows(made(REJECTED)["rejected.csv"])[1:] == [
        ["not_json", "ada \ufffd"],
        ["broken_aggregate", "held back"],
    ]


def test_programs_get_it_as_it_is() -> None:
    held = json.loads(made(EVENTS, NOTHING)["data.json"])
    assert (held["student"], held["made_at"]) == ("ada", "2026-11-30T08:00:00+00:00")
    assert held["tables"]["student_performance"][0]["occurred_at"] == "2026-07-01T10:00:00.5Z"
    assert held["tables"]["follow_up"] == []


def test_one_page_sums_it_up() -> None:
    text = made(NAME, COURSES, RESULTS, RISK, NOTHING)["summary.txt"]
    assert text.startswith("What is kept about ada, Ada Lovelace\n===")
    assert "MATH, Algebra, as student" in text
    assert "MATH A1: handed in 2026-10-01 12:00:00+02:00, score 17.5 of 20" in text
    assert "    because: Two essays are missing." in text
    assert re.search(r"Conversations\n-+\nNothing is noted\.", text)


def test_the_readme_names_every_file() -> None:
    found = made(NAME, EVENTS, NOTHING, table("library_loans", {"barcode": "text"}, ["b1"]))
    assert set(found) == {
        "name.csv", "events.csv", "library-loans.csv", "data.json", "summary.txt", "README.txt"
    }  # fmt: skip
    for name in set(found) - {"README.txt"}:
        assert name in found["README.txt"]
    assert "4 lines in 3 tables" in found["README.txt"]


def test_every_table_of_the_shipped_pipeline_has_words() -> None:
    assert {select.name for select in tables(load())} == set(TABLES)
    assert len({about.file for about in TABLES.values()}) == len(TABLES)
    assert all(re.fullmatch(r"[a-z-]+", about.file) for about in TABLES.values())
    assert not [word for word in WORDS.values() if "_" in word]


def test_the_zone_is_that_of_the_first_course_or_utc() -> None:
    assert zone_of([COURSES]).key == "Europe/Berlin"
    assert zone_of([table("enrolment", {"time_zone": "text"})]).key == "UTC"
    with pytest.raises(InputError, match="there is no time zone Nowhere"):
        zone_of([table("enrolment", {"time_zone": "text"}, ["Nowhere"])])
