"""Reads the files of a folder or a zip archive as tables of text."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from spm.errors import InputError
from spm.reading.source import told_if_broken, unpacked
from spm.reading.tables import Layout, Row, is_excel, opened_table

ENDING: Final = re.compile(r"\.(csv|xlsx|xls|ods)(\.gz)?$", re.IGNORECASE)
KINDS: Final = "CSV or Excel files"


class File(NamedTuple):
    """A file's own name, for messages, and its bytes."""

    name: str
    data: bytes


Files = Mapping[str, File]
"""Files by their names in lower case, ending as CSV files do: ``lineItems.xlsx`` is ``lineitems.csv``."""


class RosterTable(NamedTuple):
    """A file's trimmed header, its line, and the rows below it that are not empty."""

    file: str
    columns: list[str]
    line: int
    rows: Iterator[Row]


def contents(path: Path) -> Files:
    """Return the tables in a folder or in any folder of a zip archive, or the one file.

    Raises InputError if there are none, if two have the same name, or if they cannot be read.
    """
    try:
        if path.is_dir():
            found = _by_name(
                (file.name, file.read_bytes()) for file in sorted(path.iterdir()) if file.is_file()
            )
        elif ENDING.search(path.name):
            found = _by_name([(path.name, path.read_bytes())])
        else:
            found = _in_archive(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path} is not a zip archive that can be read ({error}): name one, or a folder of {KINDS}"
        ) from error
    if not found:
        raise InputError(f"{path} holds no {KINDS}")
    return found


def _in_archive(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        # The file that macOS adds for each file is not the school's.
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        return _by_name((name, archive.read(name)) for name in names if ENDING.search(name))


def _by_name(files: Iterable[tuple[str, bytes]]) -> Files:
    found: dict[str, File] = {}
    for path, data in files:
        name = path.rpartition("/")[2]
        key = ENDING.sub(".csv", name).lower()
        if not ENDING.search(name):
            continue
        if key in found:
            raise InputError(f"there are two files {found[key].name} and {name}: keep only one")
        found[key] = File(name, data)
    return found


def read(found: File) -> RosterTable:
    """Return the file's table; raise InputError, in the rows too, where it cannot be taken apart."""
    rows = _rows(found)
    header = next(rows)
    lower = [column.lower() for column in header.cells]
    twice = {column for column in header.cells if column and lower.count(column.lower()) > 1}
    if twice:
        raise InputError(f"{found.name} line {header.line}: two columns are called {min(twice)}: rename one")
    return RosterTable(found.name, header.cells, header.line, rows)


def _rows(found: File) -> Iterator[Row]:
    """Yield the header and the rows below it; an error names the file."""
    source: io.BufferedReader = io.BufferedReader(io.BytesIO(found.data))
    try:
        with told_if_broken():
            content = unpacked(source)
            with opened_table(source, content, Layout(), excel=is_excel(content)) as table:
                yield Row(table.line, table.columns)
                yield from map(_whole, table.rows)
    except InputError as error:
        raise InputError(f"{found.name}: {error}") from error


def _whole(row: Row) -> Row:
    if row.problem:
        raise InputError(f"line {row.line}: {row.problem}")
    return row
