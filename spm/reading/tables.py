"""Reads CSV and Excel as one kind of table: a header, and rows of text."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from spm.errors import InputError
from spm.reading.source import CHUNK, Content, as_text, encoding_of

if TYPE_CHECKING:
    from _csv import Reader

EXCEL_MAGIC: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
DELIMITERS: Final = ",;\t|"
LONGEST_CELL: Final = 1 << 20
ROWS_LOOKED_AT: Final = 20


class Row(NamedTuple):
    """A row's cells. ``line`` is where it starts. A row with a ``problem`` could not be taken apart."""

    line: int
    cells: list[str]
    problem: str = ""


class Table(NamedTuple):
    """The header's trimmed cells, its line, and the rows below it that are not empty."""

    columns: list[str]
    line: int
    rows: Iterator[Row]


class Layout(NamedTuple):
    """What cannot be found out about how a file holds its table, or is found out wrongly.

    ``sheet`` is the sheet of a workbook, by default the first. ``decimal`` is the sign in its numbers as
    text.
    """

    skip_rows: int = 0
    sheet: str | None = None
    encoding: str | None = None
    decimal: str = "."


@contextmanager
def opened_table(
    source: io.BufferedReader, content: Content, layout: Layout, *, excel: bool
) -> Iterator[Table]:
    """Read the table of a workbook or a CSV file. ``content`` is what ``source`` holds, unpacked."""
    if excel:
        yield read_excel(content, layout)
        return
    encoding = layout.encoding or encoding_of(source, content)
    try:
        text = as_text(content, encoding)
    except LookupError as error:
        raise InputError(f"{encoding} is not an encoding: write one such as utf-8 or windows-1252") from error
    with text:
        yield read_csv(text, layout.skip_rows)


def is_excel(content: Content) -> bool:
    """Tell whether the first bytes are those of a workbook."""
    return content.peek(CHUNK).startswith(EXCEL_MAGIC)


def read_csv(text: io.TextIOBase, skip_rows: int = 0) -> Table:
    """Read a table whose header is below ``skip_rows`` lines, and find out its delimiter."""
    csv.field_size_limit(LONGEST_CELL)
    head = list(islice(text, skip_rows + 1 + ROWS_LOOKED_AT))[skip_rows:]
    delimiter = delimiter_of(head)
    rows = _csv_rows(csv.reader(chain(head, text), delimiter=delimiter, strict=True), skip_rows)
    header = next(rows, Row(skip_rows + 1, []))
    if header.problem:
        raise InputError(f"the header of the CSV file is broken: {header.problem}")
    return Table(_trimmed(header.cells), header.line, rows)


def delimiter_of(head: Iterable[str]) -> str:
    """Return the delimiter by which most rows have as many cells as the first, and the first has the most."""

    def fitness(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        if not widths or widths[0] == 1:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=fitness)


def read_excel(content: Content, layout: Layout) -> Table:
    """Read a sheet of a workbook. Raise InputError if it cannot be read.

    Numbers and times become text as in a CSV file: numbers with the layout's decimal sign, and times in the
    form of ISO 8601.
    """
    sheet = layout.sheet
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content.read()))
        if sheet is not None and sheet not in workbook.sheet_names:
            raise InputError(f"there is no sheet {sheet}: the workbook has {', '.join(workbook.sheet_names)}")
        chosen = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
    except CalamineError as error:
        raise InputError(f"the Excel file cannot be read: {error}") from error
    rows = _excel_rows(chosen, layout.skip_rows, layout.decimal)
    header = next(rows, Row(layout.skip_rows + 1, []))
    return Table(_trimmed(header.cells), header.line, rows)


def _csv_rows(reader: "Reader", skipped: int) -> Iterator[Row]:
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, [], _explain(str(error)))
            continue
        if any(cells):
            yield Row(line, cells)


def _explain(problem: str) -> str:
    if problem == "unexpected end of data":
        return "a quotation mark is opened here and never closed: what follows it is one cell"
    return f"{problem}: a quotation mark within a quoted cell is written twice"


def _excel_rows(sheet: CalamineSheet, skip_rows: int, decimal: str) -> Iterator[Row]:
    first = sheet.start[0] + 1 if sheet.start else 1
    for number, cells in enumerate(sheet.iter_rows(), start=first):
        row = [_cell(value, decimal) for value in cells]
        if number > skip_rows and any(row):
            yield Row(number, row)


def _cell(value: object, decimal: str) -> str:
    """Return a cell of a workbook as the text that a CSV file would hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace(".", decimal)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _trimmed(cells: Iterable[str]) -> list[str]:
    """Return the header without the empty cells that spreadsheets like to write at its end."""
    columns = [cell.strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    return columns
