"""Tables and maps: from rows to the events that are published."""

import io
import json
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.files import read
from spm.publishing.mapping import Mapping, Time, Unfold
from spm.publishing.prepare import identity
from spm.reading.documents import Record
from spm.reading.source import CHUNK


def records(content: str | bytes, mapping: Mapping | None = None) -> list[Record | BadRecord]:
    data = content.encode() if isinstance(content, str) else content
    source = io.BufferedReader(cast("Any", io.BytesIO(data)), CHUNK)
    return list(read(source, "csv", mapping).records)


def events(content: str | bytes, mapping: Mapping | None = None) -> list[dict[str, Any]]:
    found = records(content, mapping)
    assert not [record for record in found if isinstance(record, BadRecord)]
    return [json.loads(record.data) for record in found if isinstance(record, Record)]


def bad(content: str | bytes, mapping: Mapping | None = None) -> BadRecord:
    (record,) = records(content, mapping)
    assert isinstance(record, BadRecord)
    return record


SCHOOL = (
    "Pupil No.;Name;Course;Work;Points;Out of;Handed in\n"
    "s-17;Ann Lee;MATH-101;Quiz 3;17,5;20;11/24/2026 3:15 PM\n"
    "s-18;Bo Day;MATH-101;Quiz 3;-;20;11/24/2026 4:00 PM\n"
)
MAP = Mapping(
    columns={
        "student_id": "Pupil No.",
        "course": "Course",
        "assessment": "Work",
        "score": "Points",
        "max_score": "Out of",
        "timestamp": "Handed in",
    },
    constants={"event_type": "quiz_score", "term": 2},
    time=Time(zone="America/New_York", format="%m/%d/%Y %I:%M %p"),
    leave_out=["Name"],
    empty=["-"],
    decimal=",",
)


def test_a_schools_export_becomes_events() -> None:
    first, second = events(SCHOOL, MAP)
    assert first == {
        "student_id": "s-17",
        "event_type": "quiz_score",
        "score": 17.5,
        "timestamp": "2026-11-24T20:15:00Z",
        "metadata": {"assessment": "Quiz 3", "course": "MATH-101", "max_score": 20, "term": 2},
    }
    assert "score" not in second


def test_the_order_of_columns_and_the_file_do_not_change_who_an_event_is() -> None:
    lines = [line.split(";") for line in SCHOOL.splitlines()]
    turned = "\n".join(",".join(f'"{cell}"' for cell in reversed(line)) for line in lines)
    assert [r.data for r in records(SCHOOL, MAP) if isinstance(r, Record)] == [
        r.data for r in records(turned, MAP) if isinstance(r, Record)
    ]


def test_a_changed_score_is_another_event() -> None:
    before, after = (
        identity(record.data, None)
        for text in ("s1,quiz,5", "s1,quiz,6")
        for record in records(f"student_id,event_type,score\n{text}\n")
        if isinstance(record, Record)
    )
    assert before != after


def test_columns_of_the_members_own_names_need_no_map() -> None:
    content = (
        "Student ID,event_type,Score,timestamp,event_id,Course,room\r\n"
        "s1,quiz,91.5,2026-01-01T01:00:00+01:00,01a07afb-4c8d-707c-bf39-e52c983f4a71,MATH-101,\r\n"
        's2,"login, late",,,,,"two\r\nlines"\r\n'
    )
    assert events(content) == [
        {
            "student_id": "s1",
            "event_type": "quiz",
            "score": 91.5,
            "timestamp": "2026-01-01T00:00:00Z",
            "event_id": "01a07afb-4c8d-707c-bf39-e52c983f4a71",
            "metadata": {"course": "MATH-101"},
        },
        {"student_id": "s2", "event_type": "login, late", "metadata": {"room": "two\r\nlines"}},
    ]


def test_a_metadata_column_is_an_object_or_text() -> None:
    content = 'student_id,event_type,metadata,course\ns1,quiz,"{""a"": 1.50}",MATH\ns2,quiz,text,\n'
    first, second = records(content)
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.data.endswith(b'"metadata":{"course":"MATH","a":1.50}}')
    assert json.loads(second.data)["metadata"] == {"metadata": "text"}
    assert bad('student_id,event_type,metadata\ns1,quiz,"{""a"": "\n').kind == "metadata is not a JSON object"


NUMBERS_AS_TEXT = ["91.5", "0", "-3", "1e3", "123456789012345678901234567890", "0.10"]


@pytest.mark.parametrize("text", NUMBERS_AS_TEXT)
def test_a_number_is_sent_digit_by_digit(text: str) -> None:
    (record,) = records(f"student_id,event_type,score\ns1,quiz,{text}\n")
    assert isinstance(record, Record)
    assert b'"score":' + text.encode() + b"}" in record.data


@pytest.mark.parametrize(
    "text", ["1_000", "\uff15", "nan", "inf", "ninety", "1 000", "0x10", "+5", '"9,5"', "85%", "007"]
)
def test_text_that_only_looks_like_a_number_is_refused(text: str) -> None:
    record = bad(f"student_id,event_type,score\ns1,quiz,{text}\n")
    assert (record.line, record.kind, record.right) == (2, "score is not a number", "91.5")
    assert record.value == text.strip('"')


def test_a_decimal_comma_is_one_only_where_the_map_says_so() -> None:
    content = "student_id;event_type;score\ns1;quiz;9,5\n"
    mapping = Mapping(
        columns={"student_id": "student_id", "event_type": "event_type", "score": "score"}, decimal=","
    )
    assert events(content, mapping)[0]["score"] == 9.5
    record = bad(content.replace("9,5", "9.5"), mapping)
    assert (record.kind, record.right) == ("score is not a number", "91,5")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("07/04/2026 12:00 PM", "2026-07-04T16:00:00Z"),  # summer
        ("11/24/2026", "2026-11-24T05:00:00Z"),
        ("2026-11-24 15:15", "2026-11-24T20:15:00Z"),  # a workbook's own times are in ISO 8601
        ("2026-11-24T15:15:00+01:00", "2026-11-24T14:15:00Z"),
        ("11/01/2026 1:30 AM", "2026-11-01T05:30:00Z"),  # an hour that comes twice is its first
    ],
)
def test_times_are_read_in_the_zone_of_the_map(text: str, utc: str) -> None:
    mapping = Mapping(
        columns={"student_id": "s", "timestamp": "when"},
        constants={"event_type": "x"},
        time=Time("America/New_York", ["%m/%d/%Y %I:%M %p", "%m/%d/%Y"]),
    )
    assert events(f"s,when\ns1,{text}\n", mapping)[0]["timestamp"] == utc


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - written without a zone
    st.sampled_from(
        [
            "%d.%m.%Y %H:%M:%S",
            "%m/%d/%Y %I:%M:%S %p",
            "%H:%M:%S %d.%m.%Y",
            "%d %b %Y %H:%M:%S",
            "%Y%m%d%H%M%S",
        ]
    ),
)
def test_times_of_any_format_are_read_as_strptime_reads_them(moment: datetime, form: str) -> None:
    mapping = Mapping(
        columns={"student_id": "s", "timestamp": "when"},
        constants={"event_type": "x"},
        time=Time("Europe/Berlin", form),
    )
    local = moment.replace(microsecond=0, tzinfo=ZoneInfo("Europe/Berlin"))
    (event,) = events(f"s;when\ns1;{moment.strftime(form)}\n", mapping)
    assert datetime.fromisoformat(event["timestamp"]) == local


def test_date_and_time_may_stand_in_two_columns() -> None:
    mapping = Mapping(
        columns={"student_id": "s", "timestamp": ["day", "at"]},
        constants={"event_type": "x"},
        time=Time("UTC", "%d.%m.%Y %H:%M"),
    )
    assert events("s,at,day\ns1,15:15,24.11.2026\n", mapping)[0]["timestamp"] == "2026-11-24T15:15:00Z"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("24.13.2026", "timestamp is not a time"),
        ("last Monday", "timestamp is not a time"),
        ("0001-01-01T00:00:00+10:00", "timestamp is not a time that a school could mean"),
    ],
)
def test_a_bad_time_is_reported_with_one_in_the_maps_own_format(text: str, kind: str) -> None:
    mapping = Mapping(
        columns={"student_id": "s", "timestamp": "when"},
        constants={"event_type": "x"},
        time=Time("UTC", "%d.%m.%Y"),
    )
    record = bad(f"s,when\ns1,{text}\n", mapping)
    assert (record.kind, record.right, record.value) == (kind, "24.11.2026", text)


def test_a_time_without_a_zone_says_where_to_name_it() -> None:
    record = bad("student_id,event_type,timestamp\ns1,x,2026-11-24 15:15\n")
    assert "[time] zone" in record.detail


def test_a_row_without_a_student_names_the_column() -> None:
    record = bad(SCHOOL.splitlines()[0] + "\n;Cy;MATH-101;Quiz 3;12;20;\n", MAP)
    assert (record.reason, record.kind) == ("invalid_member", "student_id is empty")
    assert "column Pupil No." in record.detail


def test_a_row_with_more_cells_than_the_header_is_reported() -> None:
    record = bad("student_id,event_type\ns1,quiz,5,\n")
    assert (record.reason, record.line) == ("broken_row", 2)
    assert "4 cells, but the header has 2" in record.detail
    assert events("student_id,event_type\ns1,quiz,,\ns2,x\n")[1]["student_id"] == "s2"


@pytest.mark.parametrize(
    ("header", "mapping", "says"),
    [
        ("a,b", None, "no column is event_type or student_id: name the column with --map"),
        ("student_id,event_type,score,score", None, r"names score more than once \(columns 3 and 4\)"),
        ("s,Points", Mapping(columns={"student_id": "s", "score": "Point"}), "no column Point: is it Points"),
        ("s,x", Mapping(columns={"student_id": "s", "score": "Grade"}), "no column Grade: it has s, x"),
        (
            "s,x",
            Mapping(columns={"student_id": "s"}, constants={"event_type": "e"}, time=Time("Berlin")),
            "Berlin is not a time zone: write one such as Europe/Berlin",
        ),
        (
            "s,term",
            Mapping(columns={"student_id": "s"}, constants={"event_type": "e", "term": 1}),
            "two things become the member term: leave one of them out",
        ),
        (
            "s,Day,Quiz (7)",
            Mapping(columns={"student_id": "s", "score": "Day"}, unfold=Unfold("{title} ({assessment:d})")),
            "two things become the member score",
        ),
        (
            "s,x",
            Mapping(columns={"student_id": "s"}, unfold=Unfold("{title} ({assessment:d})")),
            r"no column fits \{title\} \(\{assessment:d\}\): the file has s, x",
        ),
    ],
)
def test_what_does_not_fit_the_header_is_an_error(header: str, mapping: Mapping | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        records(f"{header}\n1,2,3,4\n", mapping)


def test_two_columns_of_one_name_do_not_matter_where_they_are_left_out() -> None:
    mapping = Mapping(columns={"student_id": "s"}, constants={"event_type": "e"}, rest="leave out")
    assert events("s,note,note\ns1,a,b\n", mapping) == [{"student_id": "s1", "event_type": "e"}]


def test_a_column_without_a_name_is_called_by_its_number() -> None:
    assert events("student_id,event_type,,room\ns1,x,y,2\n")[0]["metadata"] == {"column 3": "y", "room": "2"}


def test_bytes_that_are_not_text_are_left_for_validation() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    content = b"student_id,event_type\n" + b"s1,x\n" * CHUNK + b"s2,\xe9\n"
    source = io.BufferedReader(cast("Any", Pipe(content)), CHUNK)
    *_, last = read(source, "csv").records
    assert isinstance(last, Record)
    assert b"\xe9" in last.data


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1))
def test_any_text_is_sent_as_it_is_in_its_cell(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    (event,) = events(f"student_id,event_type,note\ns1,x,{quoted}\n")
    assert event["metadata"]["note"] == text
