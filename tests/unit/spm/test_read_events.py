import gzip
import io
import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.files import Format, read
from spm.reading.documents import Record
from spm.reading.source import CHUNK

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=4))


def buffered(source: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", source), CHUNK)


def read_bytes(content: bytes, form: Format | None = None) -> list[Record]:
    records = list(read(buffered(io.BytesIO(content)), form).records)
    assert not any(isinstance(record, BadRecord) for record in records)
    return cast("list[Record]", records)


def test_json_lines_keep_their_bytes_and_numbers() -> None:
    assert read_bytes(b'{"a": 1}\n\n  {"b" : 2.50}  \r\n{"c":3}') == [
        Record(1, b'{"a": 1}'),
        Record(3, b'{"b" : 2.50}'),
        Record(4, b'{"c":3}'),
    ]


def test_a_line_that_is_not_json_is_handed_on_for_validation() -> None:
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


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'[{"a": 1}', "cut off at element 1"),
        (b'[{"a": 1}, {"b": "x]', "cut off at element 2"),
        (b'[{"a": 1}] {"b": 2}', "after element 1 the array ends, and what follows"),
        (b'[{"a": 1}]\n[2] nonsense', "after element 2 the array ends, and what follows"),
    ],
)
def test_a_broken_array_is_an_error_that_says_where(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_bytes(content)


def test_arrays_that_follow_each_other_are_read_to_the_last() -> None:
    assert read_bytes(b'[{"a": 1}]\n[{"b": 2}, {"c": 3}]\n') == [
        Record(1, b'{"a": 1}'),
        Record(2, b'{"b": 2}'),
        Record(3, b'{"c": 3}'),
    ]


def test_an_element_that_is_not_json_is_handed_on_for_validation() -> None:
    assert [r.data for r in read_bytes(b'[{"a": }, nonsense, "],[", {"c": 3}}]')] == [
        b'{"a": }',
        b"nonsense",
        b'"],["',
        b'{"c": 3}}',
    ]


def test_an_element_may_be_nested_as_deep_as_it_likes() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert [r.data for r in read_bytes(b'[{"a": 1}, ' + deep + b"]")] == [b'{"a": 1}', deep]


def test_utf_16_is_read_as_the_same_lines_and_elements() -> None:
    for content in (b'{"a": 1}\n{"b": "\xc3\xa9"}\n', b'[{"a": 1}, {"b": "\xc3\xa9"}]'):
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            assert read_bytes(content.decode().encode(encoding)) == read_bytes(content)


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
    records = read(buffered(source)).records
    for _ in range(100):
        next(records)
    assert source.given <= 4 * CHUNK
