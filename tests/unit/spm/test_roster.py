"""A school's roster files are OneRoster's, or one plain CSV file per table."""

import gzip
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
import xlsxwriter

from processor.roster import TABLES, Rows
from spm.errors import InputError
from spm.roster.choices import CourseId, PersonId
from spm.roster.files import ENDING, File, Files
from spm.roster.read import read_roster
from spm.roster.roster import Roster
from spm.roster.send import chunks

ONEROSTER = {
    "manifest.csv": """propertyName,value
manifest.version,1.0
oneroster.version,1.2
file.classes,bulk
file.demographics,absent
file.enrollments,bulk
""",
    "orgs.csv": """sourcedId,name,type,metadata.timeZone
school-1,Gymnasium,school,Europe/Berlin
""",
    "academicSessions.csv": """sourcedId,title,type,startDate,endDate,parentSourcedId,schoolYear
term-1,Autumn,term,2026-08-01,2026-12-20,,2027
term-2,Spring,term,2027-01-08,2027-06-30,,2027
""",
    "classes.csv": """sourcedId,title,courseSourcedId,classCode,schoolSourcedId,termSourcedIds
class-1,"Maths, group 1",course-1,MATH-101,school-1,"term-1,term-2"
class-2,Art,course-2,ART-7,,term-2
""",
    "users.csv": """sourcedId,enabledUser,username,identifier,givenName,familyName,email,preferredGivenName
u-1,true,ada,1815,Augusta,Lovelace,ada@school.example,Ada
u-2,true,bob,1816,Bob,Byron,bob@school.example,
u-3,true,turing,,Alan,Turing,turing@school.example,
u-9,true,parent,99,A,Parent,parent@school.example,
""",
    "enrollments.csv": """sourcedId,classSourcedId,userSourcedId,role,primary,beginDate,endDate
e-1,class-1,u-1,student,,2026-08-01,
e-2,class-1,u-2,student,,2026-08-01,2026-10-01
e-3,class-1,u-2,student,,2026-11-01,2026-12-20
e-4,class-1,u-3,teacher,true,,
e-5,class-1,u-9,administrator,,,
""",
    "categories.csv": """sourcedId,title,weight
homework,Homework,40
practice,Practice,0
""",
    "lineItems.csv": """sourcedId,title,dueDate,classSourcedId,categorySourcedId,resultValueMin,resultValueMax
li-1,Essay,2026-09-30,class-1,homework,0,20
li-2,Exercise,2026-09-30T12:00:00Z,class-1,practice,,
""",
}

PLAIN = {
    "courses.csv": "id;Title;time_zone;begins;ends\nMATH-101;Maths;Europe/Berlin;2026-08-01;\n",
    "assessments.csv": "course;id;title;due_at;max_score;counts\nMATH-101;A1;Essay;2026-09-30;20;no\n",
    "enrolments.csv": "course;person;role;begins;ends\nMATH-101;ada;Student;;\nMATH-101;turing;teacher;;\n",
    "people.csv": "id;display_name\nada;Ada Lovelace\n",
}


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


class TestOneRoster:
    def test_a_class_is_our_course_from_its_first_terms_day_to_its_last(self) -> None:
        roster = read(ONEROSTER)
        assert roster.problems == []
        assert row(roster, "courses", "class-1") == {
            "deleted": False,
            "id": "class-1",
            "title": "Maths, group 1",
            "time_zone": "Europe/Berlin",
            "begins": date(2026, 8, 1),
            "ends": date(2027, 6, 30),
        }
        assert row(read(ONEROSTER, zone="Asia/Tokyo"), "courses", "class-2")["time_zone"] == "Asia/Tokyo"

    def test_a_line_item_is_due_at_the_end_of_its_day_and_of_no_weight_does_not_count(self) -> None:
        roster = read(ONEROSTER)
        essay, exercise = (row(roster, "assessments", "class-1", key) for key in ("li-1", "li-2"))
        assert (essay["due_at"], essay["max_score"], essay["counts"]) == (
            datetime(2026, 9, 30, 23, 59, 59),  # noqa: DTZ001 - in the course's time zone, by PostgreSQL
            20.0,
            True,
        )
        assert exercise["due_at"] == datetime(2026, 9, 30, 12, tzinfo=timezone.utc)  # noqa: UP017 - as it is read
        assert (exercise["max_score"], exercise["counts"]) == (None, False)

    def test_a_student_who_comes_back_has_one_enrolment_from_the_first_day_to_the_last(self) -> None:
        bob = row(read(ONEROSTER), "enrolments", "class-1", "u-2", "student")
        assert (bob["begins"], bob["ends"]) == (date(2026, 8, 1), date(2026, 12, 20))

    def test_only_people_who_take_or_teach_something_keep_their_names(self) -> None:
        roster = read(ONEROSTER)
        names = {key: row(roster, "people", *key)["display_name"] for key in roster.rows["people"]}
        assert names == {("u-1",): "Ada Lovelace", ("u-2",): "Bob Byron", ("u-3",): "Alan Turing"}
        assert roster.left_out == {
            "enrollments with the role administrator": 1,
            "users who take or teach nothing, or have no name or id": 1,
        }

    @pytest.mark.parametrize(
        ("person", "ada"),
        [
            (PersonId.SOURCED_ID, "u-1"),
            (PersonId.IDENTIFIER, "1815"),
            (PersonId.USERNAME, "ada"),
            (PersonId.EMAIL, "ada@school.example"),
        ],
    )
    def test_the_chosen_id_of_a_user_is_the_person(self, person: PersonId, ada: str) -> None:
        roster = read(ONEROSTER, person)
        assert ("class-1", ada, "student") in roster.rows["enrolments"]
        assert (ada,) in roster.rows["people"]

    def test_a_teacher_without_the_chosen_id_is_left_out_and_a_student_is_a_problem(self) -> None:
        left_out = read(ONEROSTER, PersonId.IDENTIFIER).left_out
        assert left_out["enrollments of teachers without identifier"] == 1
        without = ONEROSTER | {"users.csv": ONEROSTER["users.csv"].replace("1815", "")}
        [told] = problems(without, person=PersonId.IDENTIFIER)
        assert told == (
            "enrollments.csv line 2, column userSourcedId: u-1 has no identifier (users.csv line 2); "
            "right: another --person-id"
        )

    def test_the_class_code_can_be_the_course(self) -> None:
        roster = read(ONEROSTER, course=CourseId.CLASS_CODE)
        assert set(roster.rows["courses"]) == {("MATH-101",), ("ART-7",)}
        assert ("MATH-101", "u-1", "student") in roster.rows["enrolments"]
        assert ("MATH-101", "li-1") in roster.rows["assessments"]

    def test_what_is_to_be_deleted_ends_on_the_day_of_its_change(self) -> None:
        gone = ONEROSTER | {
            "classes.csv": "sourcedId,status,dateLastModified,title\n"
            "c,tobedeleted,2026-10-01T08:00:00Z,Maths\n",
            "lineItems.csv": "sourcedId,status,dateLastModified,title,classSourcedId\n"
            "li,tobedeleted,2026-10-01,Essay,c\n",
            "users.csv": "sourcedId,status,dateLastModified,givenName,familyName\n"
            "u-1,tobedeleted,2026-10-02,Ada,Lovelace\nu-2,active,,Bob,Byron\n",
            "enrollments.csv": "sourcedId,status,dateLastModified,classSourcedId,userSourcedId,role,endDate\n"
            "e-1,active,,c,u-1,student,2026-12-01\ne-2,tobedeleted,2026-10-03,c,u-2,student,2026-09-01\n",
        }
        roster = read(gone)
        assert roster.problems == []
        ends = {
            table: {key[-1] if table != "enrolments" else key[1]: row(roster, table, *key) for key in rows}
            for table, rows in roster.rows.items()
        }
        assert all(r["deleted"] for rows in ends.values() for r in rows.values() if r.get("id") != "u-2")
        assert ends["courses"]["c"]["ends"] == date(2026, 10, 1)
        assert ends["enrolments"]["u-1"]["ends"] == ends["people"]["u-1"]["ends"] == date(2026, 10, 2)
        assert ends["enrolments"]["u-2"]["ends"] == date(2026, 9, 1)

    @pytest.mark.parametrize(
        ("file", "text", "told"),
        [
            (
                "manifest.csv",
                "propertyName,value\noneroster.version,2.0\n",
                "manifest.csv line 2, column value: OneRoster 2.0 is unknown; right: 1.1 or 1.2",
            ),
            (
                "manifest.csv",
                "propertyName,value\nfile.lineItems,bulk\nfile.resources,bulk\n",
                "manifest.csv line 2, column value: lineItems.csv should be bulk and is not there",
            ),
            (
                "academicSessions.csv",
                "sourcedId,startDate,endDate\nterm-1,01.08.2026,\nterm-2,,\n",
                'academicSessions.csv line 2, column startDate: "01.08.2026" is not a date; right: 2026',
            ),
            (
                "classes.csv",
                "sourcedId,title,termSourcedIds\nclass-1,Maths,term-7\n",
                "classes.csv line 2, column termSourcedIds: term-7 is not in academicSessions.csv",
            ),
            (
                "enrollments.csv",
                "classSourcedId,userSourcedId,role\nclass-1,u-7,student\n",
                "enrollments.csv line 2, column userSourcedId: u-7 is not in users.csv",
            ),
            (
                "classes.csv",
                "sourcedId,title\nclass-1,Maths\nclass-1,Maths\n",
                "classes.csv line 3, column sourcedId: class-1 is in line 2 too; right: each once",
            ),
        ],
    )
    def test_a_problem_is_reported_with_file_line_and_column(self, file: str, text: str, told: str) -> None:
        without = {name: content for name, content in ONEROSTER.items() if name != "lineItems.csv"}
        [problem] = problems(without | {file: text})
        assert problem.startswith(told)
        assert "; right: " in problem

    def test_a_student_id_that_no_event_can_carry_is_a_problem(self) -> None:
        long = f"{'a' * 40}@school.example"
        [told] = problems(
            ONEROSTER | {"users.csv": ONEROSTER["users.csv"].replace("ada@school.example", long)},
            person=PersonId.EMAIL,
        )
        assert told.startswith("enrollments.csv line 2, column userSourcedId: has 55 characters;")


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
