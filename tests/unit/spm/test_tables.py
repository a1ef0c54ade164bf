import io
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.errors import InputError
from spm.publishing.files import format_of
from spm.reading.source import CHUNK, as_text, encoding_of
from spm.reading.tables import Row, Table, delimiter_of, read_csv

ROWS = [["id", "name", "note"], ["1", "Zoë, Ann", "a;b"], ["2", "Ngũgĩ", "|"], ["3", "", 'say "x"']]


def buffered(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(cast("Any", io.BytesIO(content)), CHUNK)


def read(content: bytes, skip_rows: int = 0) -> Table:
    source = buffered(content)
    return read_csv(as_text(source, encoding_of(source, source)), skip_rows)


def written(rows: list[list[str]], delimiter: str) -> str:
    """Return the rows as a spreadsheet writes them, with quotation marks only where they are needed."""

    def cell(text: str) -> str:
        needed = any(sign in text for sign in (delimiter, '"', "\r", "\n"))
        return '"' + text.replace('"', '""') + '"' if needed else text

    return "".join(delimiter.join(cell(text) for text in row) + "\r\n" for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_delimiter_and_encoding_are_found_out(delimiter: str, encoding: str) -> None:
    table = read(written(ROWS, delimiter).encode(encoding))
    assert [table.columns, *(row.cells for row in table.rows)] == ROWS


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_is_not_utf_8_anywhere_is_windows_1252(delimiter: str) -> None:
    rows = [["id", "name"], *([str(n), "plain"] for n in range(20_000)), ["x", "Müller – „Straße“ €5"]]
    content = written(rows, delimiter).encode("windows-1252")
    assert len(content) > 2 * CHUNK
    table = read(content)
    assert [row.cells for row in table.rows][-1] == rows[-1]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2), min_size=1))
def test_whatever_is_in_the_cells_comes_back(rows: list[list[str]]) -> None:
    table = read(written([["a", "b"], *rows], ",").encode())
    expected = [row for row in rows if any(row)]
    assert [row.cells for row in table.rows] == expected


def test_rows_are_named_by_the_line_on_which_they_begin() -> None:
    table = read(b'a,b\r\n1,"two\r\nlines"\r\n\r\n,\r\n2,x\r\n')
    assert list(table.rows) == [Row(2, ["1", "two\r\nlines"]), Row(6, ["2", "x"])]


def test_lines_above_the_header_are_skipped_and_counted() -> None:
    table = read(b"Grades of 9b\nprinted 24.11.2026, 15:15\n\nid;score\n1;9,5\n", skip_rows=3)
    assert (table.columns, list(table.rows)) == (["id", "score"], [Row(5, ["1", "9,5"])])


def test_empty_columns_at_the_end_of_the_header_do_not_count() -> None:
    assert read(b" id ,score,,\n1,2,,\n").columns == ["id", "score"]


def test_a_broken_row_is_one_and_the_next_is_read() -> None:
    rows = list(read(b'a,b\n1,"x" y\n2,y\n').rows)
    assert [(row.line, row.cells) for row in rows] == [(2, []), (3, ["2", "y"])]
    assert "quotation mark" in rows[0].problem


def test_a_quotation_mark_that_is_never_closed_is_reported_where_it_opens() -> None:
    rows = list(read(b'a,b\n1,x\n2,"y\n3,z\n').rows)
    assert rows[0] == Row(2, ["1", "x"])
    assert [(row.line, row.cells) for row in rows[1:]] == [(3, [])]
    assert "never closed" in rows[1].problem


def test_a_cell_without_end_is_no_reason_to_hold_everything() -> None:
    rows = list(read(b'a,b\n1,"' + b"x\n" * 3_000_000 + b'"\n2,y\n').rows)
    assert rows[0].problem


def test_of_several_that_fit_the_delimiter_that_makes_most_columns_wins() -> None:
    assert delimiter_of(["id;score\n", "1;9,5\n", "2;8,0\n"]) == ";"
    assert delimiter_of(["name,first,score\n", '"a;b",c,1\n']) == ","
    assert delimiter_of(["alone\n", "1\n"]) == ","
    assert delimiter_of([]) == ","


def test_the_format_of_a_pipe_is_recognised_by_its_start() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    source = io.BufferedReader(cast("Any", Pipe("id;name\n1;Müller\n".encode("windows-1252"))), CHUNK)
    table = read_csv(as_text(source, encoding_of(source, source)))
    assert [row.cells for row in table.rows] == [["1", "Müller"]]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"PK\x03\x04...", "xlsx"),
        (b"\xef\xbb\xbf [1]", "json"),
        ("[1]".encode("utf-16"), "json"),
        (b'\n {"a": 1}', "jsonl"),
        (b"", "jsonl"),
        (b"Student;Score", "csv"),
        ("Student;Score".encode("utf-16-le"), "csv"),
    ],
)
def test_the_format_shows_in_the_first_bytes(content: bytes, form: str) -> None:
    assert format_of(buffered(content)) == form


def test_a_broken_header_is_an_error() -> None:
    with pytest.raises(InputError, match="header of the CSV file is broken"):
        read(b'a,"b\n1,2\n')
