import gzip
import io
import json
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.errors import InputError
from spm.publishing.files import CHUNK, Format, Record, read

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=4))


def buffered(source: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", source), CHUNK)


def read_bytes(content: bytes, form: Format | None = None) -> list[Record]:
    return list(read(buffered(io.BytesIO(content)), form))


def test_json_lines_keep_their_bytes_and_numbers() -> None:
    assert read_bytes(b'{"a": 1}\n\n  {"b" : 2.50}  \r\n{"c":3}') == [
        Record(1, b'{"a": 1}'),
        Record(3, b'{"b" : 2.50}'),
        Record(4, b'{"c":3}'),
    ]


def test_a_line_that_is_no_json_is_handed_on_for_validation() -> None:
    assert read_bytes(b'{"a": 1}\nnonsense\n')[1] == Record(2, b"nonsense")


def test_an_array_gives_its_elements_with_their_positions() -> None:
    assert read_bytes(b' [ {"a": 1} , {"b": [1, {"c": "]"}]} ,\n7]') == [
        Record(1, b'{"a": 1}'),
        Record(2, b'{"b": [1, {"c": "]"}]}'),
        Record(3, b"7"),
    ]


@given(OBJECTS)
def test_an_array_of_anything_round_trips(objects: list[object]) -> None:
    assert [json.loads(r.data) for r in read_bytes(json.dumps(objects).encode(), "json")] == objects


@given(OBJECTS)
def test_lines_of_anything_round_trip(objects: list[object]) -> None:
    content = "\n".join(json.dumps(o) for o in objects).encode()
    assert [json.loads(r.data) for r in read_bytes(content, "jsonl")] == objects


def test_elements_longer_than_a_chunk_are_read_whole() -> None:
    elements = [{"text": "x" * (CHUNK * 2 + n)} for n in range(3)]
    assert [json.loads(r.data) for r in read_bytes(json.dumps(elements).encode())] == elements


@pytest.mark.parametrize("content", [b'[{"a": 1}', b'[{"a": 1}, nonsense]', b'[{"a": }]'])
def test_a_broken_array_is_an_error_that_says_where(content: bytes) -> None:
    with pytest.raises(InputError, match=r"element \d of the array"):
        read_bytes(content)


def test_csv_columns_become_members_and_others_metadata() -> None:
    content = (
        "student_id,event_type,score,timestamp,event_id,course,room\r\n"
        "s1,quiz,91.5,2026-01-01T00:00:00Z,01a07afb-4c8d-707c-bf39-e52c983f4a71,MATH-101,\r\n"
        's2,"login, late",,,,,"two\r\nlines"\r\n'
        "s3,quiz,ninety,,,,\r\n"
    )
    records = read_bytes(content.encode())
    assert [json.loads(r.data) for r in records] == [
        {
            "student_id": "s1",
            "event_type": "quiz",
            "score": 91.5,
            "timestamp": "2026-01-01T00:00:00Z",
            "event_id": "01a07afb-4c8d-707c-bf39-e52c983f4a71",
            "metadata": {"course": "MATH-101"},
        },
        {"student_id": "s2", "event_type": "login, late", "metadata": {"room": "two\r\nlines"}},
        {"student_id": "s3", "event_type": "quiz", "score": "ninety"},
    ]
    assert [r.line for r in records] == [2, 4, 5]


def test_csv_metadata_column_is_an_object_and_surplus_cells_are_kept() -> None:
    content = b'student_id,event_type,metadata,course\ns1,quiz,"{""a"": 1}",MATH\ns2,quiz,text,,more\n'
    first, second = (json.loads(r.data) for r in read_bytes(content))
    assert first["metadata"] == {"a": 1, "course": "MATH"}
    assert second["metadata"] == {"metadata": "text", "surplus_columns": ["more"]}


def test_a_csv_number_that_is_not_finite_stays_text_for_validation() -> None:
    (record,) = read_bytes(b"student_id,event_type,score\ns1,quiz,nan\n")
    assert json.loads(record.data)["score"] == "nan"


def test_a_csv_without_the_required_columns_names_them() -> None:
    with pytest.raises(InputError, match="must name student_id and event_type; it is: a, b"):
        read_bytes(b"a,b\n1,2\n")


@pytest.mark.parametrize(
    "content", [b'{"a": 1}\n{"b": 2}\n', b'[{"a": 1}, {"b": 2}]', b'\xef\xbb\xbf{"a": 1}\n{"b": 2}']
)
def test_gzip_and_a_byte_order_mark_do_not_matter(content: bytes) -> None:
    expected = [b'{"a": 1}', b'{"b": 2}']
    assert [r.data for r in read_bytes(content)] == expected
    assert [r.data for r in read_bytes(gzip.compress(content))] == expected


def test_a_gzip_file_cut_short_is_an_error() -> None:
    content = gzip.compress(b"".join(b'{"a": %d}\n' % n for n in range(10_000)))
    with pytest.raises(InputError, match="compressed file is broken"):
        read_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[ ]\n"])
def test_nothing_gives_nothing(content: bytes) -> None:
    assert read_bytes(content) == []


def test_a_file_is_read_no_further_than_needed() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stubs want any buffer
            line = b'{"a": 1}\n'
            count = len(buffer) // len(line) * len(line)
            buffer[:count] = line * (count // len(line))
            self.given += count
            return count

    source = Endless()
    records: Iterator[Record] = read(buffered(source))
    for _ in range(100):
        next(records)
    assert source.given <= 4 * CHUNK
