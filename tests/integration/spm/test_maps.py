"""The maps in examples/maps, with files in the formats of Canvas, Moodle and a school office."""

import gzip
import json
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal

import pytest
import xlsxwriter

from processor.student_performance import PIPELINE as SHIPPED
from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.files import read
from spm.publishing.mapping import Mapping, Time, read_mapping
from spm.publishing.prepare import prepare
from spm.publishing.propose import propose
from spm.reading.source import opened

MAPS = Path(__file__).parents[3] / "examples" / "maps"

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Essay (draft) (4711),Quiz 2 (4712),Current,Final
    Points Possible,,,,,10.0,20.0,(read only),(read only)
"Lee, Ann",101,s-17,alee@school.example,MATH-101 A,9.5,18.0,93.33,93.33
"Day, Bo",102,s-18,bday@school.example,MATH-101 A,,EX,,0.0
"Student, Test",103,,c0ffee,MATH-101 A,1.0,2.0,,
"""

MOODLE: list[list[Any]] = [
    [
        *("First name", "Last name", "ID number", "Institution", "Department", "Email address"),
        *("Assignment: Essay 1 (Real)", "Quiz: Chapter 2: limits (Real)", "Course total (Real)"),
        "Last downloaded from this course",
    ],
    ["Ann", "Lee", "s-17", "", "", "alee@school.example", 9.5, 18, 27.5, 1795532100],
    ["Bo", "Day", "s-18", "", "", "bday@school.example", "-", 7.25, 7.25, 1795532100],
]

ATTENDANCE = """Student ID;Name;Class;23.11.2026;24.11.2026;Note
s-17;Zoë Müller;9b;P;L;
s-18;Bo Day;9b;A;-;ill
"""


def sent(file: Path, mapping: Mapping | None) -> list[dict[str, Any]]:
    """Return what is published from a file in which no line is bad."""

    def refuse(bad: BadRecord) -> None:
        pytest.fail(f"line {bad.line}: {bad.detail}")

    with opened(file) as source:
        records = read(source, None, mapping).records
        events = [json.loads(entry.data) for entry in prepare(records, refuse, pipeline=SHIPPED)]
    for event in events:
        del event["event_id"]
    return events


def workbook(file: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(str(file), {"default_date_format": "dd.mm.yyyy"}) as book:
        sheet = book.add_worksheet("Grades")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file


def test_canvas_gradebook(tmp_path: Path) -> None:
    file = tmp_path / "grades.csv"
    file.write_text(CANVAS)
    mapping = read_mapping(MAPS / "canvas-gradebook.toml")
    shared = {"student_id": "s-17", "event_type": "submission"}
    course = mapping.constants["course"]
    assert sent(file, mapping) == [
        {
            **shared,
            "score": 9.5,
            "metadata": {"assessment": "4711", "course": course, "max_score": 10.0, "title": "Essay (draft)"},
        },
        {
            **shared,
            "score": 18.0,
            "metadata": {"assessment": "4712", "course": course, "max_score": 20.0, "title": "Quiz 2"},
        },
    ]


def test_moodle_grades_as_text_and_as_a_workbook(tmp_path: Path) -> None:
    text = tmp_path / "grades.csv"
    text.write_text("\n".join("\t".join(str(cell) for cell in row) for row in MOODLE))
    mapping = read_mapping(MAPS / "moodle-grades.toml")
    events = sent(text, mapping)
    assert [(e["student_id"], e["score"], e["metadata"]["assessment"]) for e in events] == [
        ("s-17", 9.5, "Essay 1"),
        ("s-17", 18, "Chapter 2: limits"),
        ("s-18", 7.25, "Chapter 2: limits"),
    ]
    assert events[0]["metadata"]["activity"] == "Assignment"
    assert sent(workbook(tmp_path / "grades.xlsx", MOODLE), mapping) == events


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_attendance_sheet(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "attendance.csv.gz"
    file.write_bytes(gzip.compress(ATTENDANCE.encode(encoding)))
    events = sent(file, read_mapping(MAPS / "attendance-sheet.toml"))
    assert [(e["student_id"], e["timestamp"], e["metadata"]["status"]) for e in events] == [
        ("s-17", "2026-11-22T23:00:00Z", "present"),
        ("s-17", "2026-11-23T23:00:00Z", "late"),
        ("s-18", "2026-11-22T23:00:00Z", "absent"),
    ]
    assert events[0] == {
        "student_id": "s-17",
        "event_type": "attendance",
        "timestamp": "2026-11-22T23:00:00Z",
        "metadata": {"course": "9b", "status": "present"},
    }
    assert events[2]["metadata"]["Note"] == "ill"


def test_a_workbook_of_times_and_numbers(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["No", "Day", "At", "Points", "Extra"],
        [1024, datetime(2026, 11, 24), time(15, 15), 91.5, True],  # noqa: DTZ001 - a workbook knows no zones
    ]
    with xlsxwriter.Workbook(str(tmp_path / "b.xlsx")) as book:
        sheet = book.add_worksheet("Term 1")
        sheet.write(0, 0, "Grades of 9b")
        sheet.write_row(2, 0, rows[0])
        sheet.write_number(3, 0, 1024)
        sheet.write_datetime(3, 1, rows[1][1], book.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_datetime(3, 2, rows[1][2], book.add_format({"num_format": "hh:mm"}))
        sheet.write_number(3, 3, 91.5)
        sheet.write_boolean(3, 4, True)  # noqa: FBT003 - its one argument
        book.add_worksheet("Term 2")
    mapping = Mapping(
        columns={"student_id": "No", "timestamp": ["Day", "At"], "score": "Points"},
        constants={"event_type": "quiz_score"},
        time=Time(zone="Europe/Berlin"),
        skip_rows=2,
        sheet="Term 1",
    )
    assert sent(tmp_path / "b.xlsx", mapping) == [
        {
            "student_id": "1024",
            "event_type": "quiz_score",
            "score": 91.5,
            "timestamp": "2026-11-24T14:15:00Z",
            "metadata": {"Extra": "true"},
        }
    ]


def test_a_map_with_a_decimal_comma_fits_a_workbooks_numbers(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", [["student_id", "event_type", "score"], ["s", "x", 11.5]])
    columns: dict[str, str | list[str]] = {name: name for name in ("student_id", "event_type", "score")}
    (event,) = sent(file, Mapping(columns=columns, decimal=","))
    assert event["score"] == 11.5


def test_an_empty_file_has_nothing_to_propose(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with opened(tmp_path / "empty") as source, pytest.raises(InputError, match="the file is empty"):
        propose(source, None)


def test_an_unknown_sheet_names_those_that_there_are(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", [["student_id", "event_type"], ["s", "x"]])
    with pytest.raises(InputError, match="no sheet Term 9: the workbook has Grades"):
        sent(file, Mapping(sheet="Term 9"))


def test_what_only_begins_like_a_workbook_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    file.write_bytes(b"PK\x03\x04" + bytes(500))
    with pytest.raises(InputError, match="the Excel file cannot be read"):
        sent(file, None)


Shape = Literal["canvas", "moodle", "attendance"]


@pytest.mark.parametrize("shape", ["canvas", "moodle", "attendance"])
def test_what_is_proposed_for_such_a_file_sends_the_same_scores(shape: Shape, tmp_path: Path) -> None:
    file = tmp_path / "file"
    if shape == "moodle":
        workbook(file, MOODLE)
    else:
        file.write_text(CANVAS if shape == "canvas" else ATTENDANCE)
    name = {"canvas": "canvas-gradebook", "moodle": "moodle-grades", "attendance": "attendance-sheet"}[shape]
    with opened(file) as source:
        proposed = tmp_path / "map.toml"
        proposed.write_text(propose(source, None))
    said = [
        [(e["student_id"], e.get("score"), e["metadata"].get("assessment")) for e in sent(file, mapping)]
        for mapping in (as_proposed(proposed, shape), read_mapping(MAPS / f"{name}.toml"))
    ]
    assert said[0] == said[1]
    assert said[0]


def as_proposed(file: Path, shape: Shape) -> Mapping:
    """Return the proposal, with Canvas's test student taken out, as a person would do."""
    if shape == "canvas":
        file.write_text(file.read_text() + '\n[leave_out_rows]\n"SIS User ID" = [""]\n')
    return read_mapping(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[colums]\na = 1", "unknown field `colums`"),
        ("columns = 1", r"at `\$.columns`"),
        ("x", "the map .* is wrong"),
        ('[columns]\nscore = "a"\n[constants]\nscore = 1', "gives score a column and a constant"),
    ],
)
def test_a_wrong_map_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=says):
        read_mapping(file)


def test_a_map_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_mapping(tmp_path / "map.toml")
