"""A school's roster from OneRoster's files."""

from datetime import date, datetime, timezone

import pytest

from spm.roster.choices import CourseId, PersonId
from tests.unit.spm.rosters import problems, read, row

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


def test_a_class_is_our_course_from_its_first_terms_day_to_its_last() -> None:
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


def test_a_line_item_is_due_at_the_end_of_its_day_and_of_no_weight_does_not_count() -> None:
    roster = read(ONEROSTER)
    essay, exercise = (row(roster, "assessments", "class-1", key) for key in ("li-1", "li-2"))
    assert (essay["due_at"], essay["max_score"], essay["counts"]) == (
        datetime(2026, 9, 30, 23, 59, 59),  # noqa: DTZ001 - in the course's time zone, by PostgreSQL
        20.0,
        True,
    )
    assert exercise["due_at"] == datetime(2026, 9, 30, 12, tzinfo=timezone.utc)  # noqa: UP017 - as it is read
    assert (exercise["max_score"], exercise["counts"]) == (None, False)


def test_a_student_who_comes_back_has_one_enrolment_from_the_first_day_to_the_last() -> None:
    bob = row(read(ONEROSTER), "enrolments", "class-1", "u-2", "student")
    assert (bob["begins"], bob["ends"]) == (date(2026, 8, 1), date(2026, 12, 20))


def test_only_people_who_take_or_teach_something_keep_their_names() -> None:
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
def test_the_chosen_id_of_a_user_is_the_person(person: PersonId, ada: str) -> None:
    roster = read(ONEROSTER, person)
    assert ("class-1", ada, "student") in roster.rows["enrolments"]
    assert (ada,) in roster.rows["people"]


def test_a_teacher_without_the_chosen_id_is_left_out_and_a_student_is_a_problem() -> None:
    left_out = read(ONEROSTER, PersonId.IDENTIFIER).left_out
    assert left_out["enrollments of teachers without identifier"] == 1
    without = ONEROSTER | {"users.csv": ONEROSTER["users.csv"].replace("1815", "")}
    [told] = problems(without, person=PersonId.IDENTIFIER)
    assert told == (
        "enrollments.csv line 2, column userSourcedId: u-1 has no identifier (users.csv line 2); "
        "right: another --person-id"
    )


def test_the_class_code_can_be_the_course() -> None:
    roster = read(ONEROSTER, course=CourseId.CLASS_CODE)
    assert set(roster.rows["courses"]) == {("MATH-101",), ("ART-7",)}
    assert ("MATH-101", "u-1", "student") in roster.rows["enrolments"]
    assert ("MATH-101", "li-1") in roster.rows["assessments"]


def test_what_is_to_be_deleted_ends_on_the_day_of_its_change() -> None:
    gone = ONEROSTER | {
        "classes.csv": "sourcedId,status,dateLastModified,title\nc,tobedeleted,2026-10-01T08:00:00Z,Maths\n",
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
def test_a_problem_is_reported_with_file_line_and_column(file: str, text: str, told: str) -> None:
    without = {name: content for name, content in ONEROSTER.items() if name != "lineItems.csv"}
    [problem] = problems(without | {file: text})
    assert problem.startswith(told)
    assert "; right: " in problem


def test_a_student_id_that_no_event_can_carry_is_a_problem() -> None:
    long = f"{'a' * 40}@school.example"
    [told] = problems(
        ONEROSTER | {"users.csv": ONEROSTER["users.csv"].replace("ada@school.example", long)},
        person=PersonId.EMAIL,
    )
    assert told.startswith("enrollments.csv line 2, column userSourcedId: has 55 characters;")
