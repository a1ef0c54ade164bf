"""The CSV files of a folder or a zip archive, as tables of text."""

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from spm.errors import InputError

DELIMITERS: Final = ",;\t|"
ROWS_LOOKED_AT: Final = 20
LONGEST_CELL: Final = 1 << 20


class File(NamedTuple):
    """A file's name as it is, for messages, and its bytes."""

    name: str
    data: bytes


Files = Mapping[str, File]
"""By their names in lower case: ``lineItems.csv`` is ``lineItems.CSV`` elsewhere."""


class Row(NamedTuple):
    """A row's cells; ``line`` is where it starts."""

    line: int
    cells: list[str]


class Table(NamedTuple):
    """A file's header, trimmed, and the rows below it that are not empty."""

    file: str
    columns: list[str]
    rows: Iterator[Row]


def contents(path: Path) -> Files:
    """Return the CSV files in a folder or a zip archive, whichever folder of it they are in.

    Raises InputError where there are none, two have one name, or they cannot be read.
    """
    try:
        found = _in_folder(path) if path.is_dir() else _in_archive(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path} is no zip archive that can be read ({error}): name it or a folder of CSV files"
        ) from error
    if not found:
        raise InputError(f"{path} holds no CSV files")
    return found


def _in_folder(path: Path) -> Files:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
    return _by_name((file.name, file.read_bytes()) for file in files)


def _in_archive(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        # What macOS adds for each file is none of the school's.
        return _by_name((name, archive.read(name)) for name in names if not name.startswith("__MACOSX/"))


def _by_name(files: Iterable[tuple[str, bytes]]) -> Files:
    found: dict[str, File] = {}
    for path, data in files:
        name = path.rpartition("/")[2]
        if name.lower() in found:
            raise InputError(f"there are two files {name}: leave one")
        found[name.lower()] = File(name, data)
    return found


def read(found: File) -> Table:
    """Return the file's table; its encoding and delimiter are found out.

    Raises InputError, in the rows too, where a line cannot be taken apart.
    """
    file = found.name
    text = _text(file, found.data)
    head = text.splitlines(keepends=True)[: ROWS_LOOKED_AT + 1]
    csv.field_size_limit(LONGEST_CELL)
    rows = _rows(file, text, _delimiter(head))
    header = next(rows, Row(1, []))
    columns = [cell.strip() for cell in header.cells]
    lower = [column.lower() for column in columns]
    twice = {column for column in columns if column and lower.count(column.lower()) > 1}
    if twice:
        raise InputError(f"{file} line {header.line}: two columns are called {min(twice)}: rename one")
    return Table(file, columns, rows)


def _rows(file: str, text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield Row(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{file} line {line}: {error}: a cell with a quotation mark is quoted, and the mark written twice"
        ) from error


def _text(file: str, data: bytes) -> str:
    """Decode by byte order mark, NUL bytes, strict UTF-8, and otherwise as Windows-1252."""
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: byte {error.start + 1} is no {encoding} text: save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{file} line {line}: a zero character, which no text may hold: leave it out")
    return text


def _encoding(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return encoding
    sample = data[:400]
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    if max(zeros) > len(sample) // 4:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _delimiter(head: list[str]) -> str:
    """Return the delimiter that cuts most rows into as many cells as the first, and that into the most."""

    def fitness(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(head, delimiter=delimiter) if row]
        if not widths or widths[0] == 1:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=fitness)
