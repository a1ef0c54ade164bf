"""A school's roster from one plain CSV file per table, and what holds for OneRoster's files as well."""

import gzip
import io
from datetime import datetime, timedelta

import msgspec
import pytest
import xlsxwriter

from processor.roster import TABLES, Rows
from spm.errors import InputError
from spm.roster.choices import PersonId
from spm.roster.send import chunks
from tests.unit.spm.rosters import problems, read, row

PLAIN = {
    "courses.csv": "id;Title;time_zone;begins;ends\nMATH-101;Maths;Europe/Berlin;2026-08-01;\n",
    "assessments.csv": "course;id;title;due_at;max_score;counts\nMATH-101;A1;Essay;2026-09-30;20;no\n",
    "enrolments.csv": "course;person;role;begins;ends\nMATH-101;ada;Student;;\nMATH-101;turing;teacher;;\n",
    "people.csv": "id;display_name\nada;Ada Lovelace\n",
}


class TestPlain:
    def test_has_the_tables_columns(self) -> None:
        roster = read(PLAIN)
        assert roster.problems == []
        assert row(roster, "courses", "MATH-101")["title"] == "Maths"
        essay = row(roster, "assessments", "MATH-101", "A1")
        assert (essay["due_at"].isoformat(), essay["counts"]) == ("2026-09-30T23:59:59", False)
        assert row(roster, "enrolments", "MATH-101", "ada", "student")["begins"] is None
        assert row(roster, "people", "ada")["display_name"] == "Ada Lovelace"

    def test_one_file_is_enough_and_titles_and_dates_are_optional(self) -> None:
        roster = read({"courses.csv": "id\nart\n"}, zone="Europe/Paris")
        assert row(roster, "courses", "art") == {
            "deleted": False,
            "id": "art",
            "title": "art",
            "time_zone": "Europe/Paris",
            "begins": None,
            "ends": None,
        }

    def test_an_offset_is_kept(self) -> None:
        roster = read({"assessments.csv": "course,id,due_at\nart,A1,2026-09-30T12:00:00+02:00\n"})
        assert row(roster, "assessments", "art", "A1")["due_at"].utcoffset() == timedelta(hours=2)

    def test_a_column_or_file_that_means_nothing_is_left_out_and_reported(self) -> None:
        roster = read({"courses.csv": "id,room\nart,7\n", "rooms.csv": "id\n7\n"})
        assert roster.left_out == {"the column room of courses.csv": 1, "the file rooms.csv": 1}

    @pytest.mark.parametrize(
        ("file", "line", "told"),
        [
            (
                "courses.csv",
                "art,Art,Berlin,,",
                'time_zone: "Berlin" is not a time zone; right: Europe/Berlin',
            ),
            ("courses.csv", ",Art,UTC,,", "id: is empty; right: a text"),
            (
                "courses.csv",
                "art,Art,UTC,2026-13-01,",
                'begins: "2026-13-01" is not a date; right: 2026-11-24',
            ),
            ("courses.csv", "art,Art,UTC,,2026-W10-1", 'ends: "2026-W10-1" is not a date; right: 2026-11-24'),
            (
                "courses.csv",
                "art,Art,UTC,2026-08-01,2026-07-01",
                "ends: is 2026-07-01, before it begins on 2026-08-01; right: a later day",
            ),
            (
                "assessments.csv",
                "art,A1,Essay,24.11.2026,,",
                'due_at: "24.11.2026" is not a time; right: 2026-11-24, or 2026-11-24T15:15:00+01:00',
            ),
            ("assessments.csv", "art,A1,Essay,,0,", 'max_score: "0" is not a number above zero; right: 100'),
            (
                "assessments.csv",
                "art,A1,Essay,,1_0,",
                'max_score: "1_0" is not a number above zero; right: 100',
            ),
            (
                "assessments.csv",
                "art,A1,Essay,,,maybe",
                'counts: "maybe" is neither true nor false; right: true',
            ),
            ("enrolments.csv", "art,ada,pupil,,", 'role: "pupil" is unknown; right: student or teacher'),
            ("enrolments.csv", "art,ada,,,", "role: is empty; right: student or teacher"),
            ("enrolments.csv", "art,ada,student,,,x", "6: the row has 6 cells; right: 5, as the header"),
            ("people.csv", 'ada,"\x1b[31m"\nada,x', "id: ada is in line 2 too; right: each once"),
            (
                "people.csv",
                "ada,A\0",
                "display_name: holds a character that is not text; right: without it, or saved as UTF-8",
            ),
        ],
    )
    def test_a_problem_is_reported_with_file_line_and_column(self, file: str, line: str, told: str) -> None:
        header = PLAIN[file].splitlines()[0].replace(";", ",")
        number = 2 + line.count("\n")
        assert problems({file: f"{header}\n{line}\n"}) == [f"{file} line {number}, column {told}"]

    def test_control_characters_are_written_out(self) -> None:
        [told] = problems({"courses.csv": "id,begins\nart,\x1b[31m\n"})
        assert "\\u001b[31m" in told
        assert "\x1b" not in told


class TestFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_encoding_and_delimiter_are_found_out(self, encoding: str, delimiter: str) -> None:
        text = f"id{delimiter}display_name\r\nzoë{delimiter}Zoë, called Z.\r\n"
        quoted = text.replace("Zoë, called Z.", '"Zoë, called Z."')
        roster = read({"people.csv": quoted.encode(encoding)})
        assert row(roster, "people", "zoë")["display_name"] == "Zoë, called Z."

    def test_a_workbook_and_a_compressed_file_are_tables_too(self) -> None:
        workbook = io.BytesIO()
        with xlsxwriter.Workbook(workbook) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["course", "id", "title", "due_at", "max_score"])
            sheet.write_row(1, 0, ["art", 1815, "Façade"])
            sheet.write_datetime(1, 3, datetime(2026, 9, 30), book.add_format({"num_format": "d.m.yyyy"}))  # noqa: DTZ001 - a cell has no zone
            sheet.write_number(1, 4, 20)
        roster = read(
            {
                "assessments.xlsx": workbook.getvalue(),
                "courses.CSV.gz": gzip.compress(b"id;title\nart;K\xfcnste\n"),
            }
        )
        assert roster.problems == []
        essay = row(roster, "assessments", "art", "1815")
        assert (essay["title"], essay["max_score"], essay["due_at"].isoformat()) == (
            "Façade",
            20.0,
            "2026-09-30T23:59:59",
        )
        assert row(roster, "courses", "art")["title"] == "Künste"

    def test_a_byte_that_is_not_text_is_reported_with_its_place(self) -> None:
        [told] = problems({"courses.csv": b"id;title\nart;K\xfcnste\nmaths;\x81\n"})
        assert told.startswith("courses.csv line 3, column title: holds a character that is not text")

    def test_a_line_is_where_the_row_starts(self) -> None:
        text = 'id,title,begins\nart,"A\n\ntitle",\n\nmaths,Maths,x\n'
        assert problems({"courses.csv": text}) == [
            'courses.csv line 6, column begins: "x" is not a date; right: 2026-11-24'
        ]

    @pytest.mark.parametrize(
        ("texts", "told"),
        [
            ({"courses.csv": "title\nArt\n"}, "courses.csv line 1: the column id is missing; it has: title"),
            ({"courses.csv": "id,ID\n1,2\n"}, "courses.csv line 1: two columns are called ID: rename one"),
            ({"courses.csv": 'id,title\nart,"Art\n'}, "courses.csv: line 2: a quotation mark is opened here"),
            ({"courses.csv": 'id,title\nart,"Art"x\n'}, "courses.csv: line 2: .*expected after"),
            ({"courses.csv.gz": b"\x1f\x8b\x08"}, "courses.csv.gz: the compressed file is broken"),
            ({"courses.xlsx": b"PK\x03\x04"}, "courses.xlsx: the Excel file cannot be read"),
            (
                {"rooms.csv": "id\n7\n"},
                r"there is no roster in rooms.csv: name OneRoster's files, or courses.csv",
            ),
            (
                {"users.csv": "sourcedId\n", "enrolments.csv": "a"},
                "users.csv belongs to OneRoster and enrolments.csv does not",
            ),
        ],
    )
    def test_a_file_that_cannot_be_taken_apart_is_an_error(self, texts: dict[str, str], told: str) -> None:
        with pytest.raises(InputError, match=told):
            read(texts)

    def test_choices_of_oneroster_do_not_fit_plain_files(self) -> None:
        with pytest.raises(InputError, match="--person-id and --course-id are for OneRoster"):
            read(PLAIN, person=PersonId.EMAIL)
        with pytest.raises(InputError, match="Berlin is not a time zone"):
            read(PLAIN, zone="Berlin")


def test_chunks_hold_every_row_once_and_stay_below_the_limit() -> None:
    people = "".join(f"person-{number},Zoë {number}\n" for number in range(1000))
    roster = read(PLAIN | {"people.csv": f"id,display_name\n{people}"})
    sent = list(chunks(roster, limit=2_000))
    texts = [msgspec.json.encode(chunk) for chunk in sent]
    assert max(len(text) for text in texts) <= 2_100
    assert [msgspec.json.decode(text, type=Rows) for text in texts] == sent
    rows = [(table, row) for chunk in sent for table in TABLES for row in getattr(chunk, table)]
    assert rows == list(roster.listed())
    assert len(rows) == 1000 + 4
