"""CSV and Excel as one kind of table: a header, and rows of text."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from spm.errors import InputError
from spm.reading.source import Content

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS: Final = ",;\t|"
LONGEST_CELL: Final = 1 << 20
ROWS_LOOKED_AT: Final = 20


class Row(NamedTuple):
    """A row's cells; ``line`` is where it starts. With a ``problem`` it could not be taken apart."""

    line: int
    cells: list[str]
    problem: str = ""


class Table(NamedTuple):
    """The header's cells, trimmed, and the rows below it that are not empty."""

    columns: list[str]
    rows: Iterator[Row]


def read_csv(text: io.TextIOBase, skip_rows: int = 0) -> Table:
    """Read a table whose header stands below ``skip_rows`` lines; its delimiter is found out."""
    csv.field_size_limit(LONGEST_CELL)
    head = list(islice(text, skip_rows + 1 + ROWS_LOOKED_AT))[skip_rows:]
    delimiter = delimiter_of(head)
    reader = csv.reader(chain(head, text), delimiter=delimiter, strict=True)
    try:
        columns = next(reader, [])
    except csv.Error as error:
        raise InputError(f"the header of the CSV file is broken: {error}") from error
    return Table(_trimmed(columns), _csv_rows(reader, skip_rows))


def delimiter_of(head: Iterable[str]) -> str:
    """Return the delimiter that cuts most rows into as many cells as the first, and that into the most."""

    def fitness(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        if not widths or widths[0] == 1:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=fitness)


def read_excel(content: Content, sheet: str | None = None, skip_rows: int = 0, decimal: str = ".") -> Table:
    """Read a sheet of a workbook, by default the first; raise InputError where it cannot be read.

    Numbers and times become text as a CSV file would hold them: numbers with this decimal sign, times in the
    form of ISO 8601.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content.read()))
        if sheet is not None and sheet not in workbook.sheet_names:
            raise InputError(f"there is no sheet {sheet}: the workbook has {', '.join(workbook.sheet_names)}")
        chosen = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
    except CalamineError as error:
        raise InputError(f"the Excel file cannot be read: {error}") from error
    rows = _excel_rows(chosen, skip_rows, decimal)
    header = next(rows, Row(0, []))
    return Table(_trimmed(header.cells), rows)


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
    """The header without the empty cells at its end, which spreadsheets like to write."""
    columns = [cell.strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    return columns
