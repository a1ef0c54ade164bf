"""Read events from a file or a pipe, one JSON object at a time, in constant memory.

JSON lines, one JSON array, or CSV with a header; plain or gzip. What the file is shows in its first bytes.
"""

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from msgspec import Struct

from spm.errors import InputError

Format = Literal["jsonl", "json", "csv"]
Source = io.BufferedReader | gzip.GzipFile

GZIP_MAGIC: Final = b"\x1f\x8b"
CHUNK: Final = 1 << 16
LONGEST_ELEMENT: Final = 1 << 22
MEMBERS: Final = frozenset({"event_id", "student_id", "event_type", "score", "timestamp"})


class Record(Struct, frozen=True, gc=False):
    """One record as it will be sent; ``line`` is where it starts, in an array its position from 1."""

    line: int
    data: bytes


def read(source: io.BufferedReader, form: Format | None = None) -> Iterator[Record]:
    """Yield the records of a file, in order; find out its format unless it is given.

    Raises InputError where the file itself is broken, so that no record can be told apart any more.
    """
    content: Source = source
    if source.peek(2)[:2] == GZIP_MAGIC:
        content = gzip.GzipFile(fileobj=source)
    try:
        yield from READERS[form or _sniff(content.peek(CHUNK))](content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"the compressed file is broken: {error}") from error
    except csv.Error as error:
        raise InputError(f"the CSV file is broken: {error}") from error


@contextmanager
def _as_text(source: Source) -> Iterator[io.TextIOWrapper]:
    """Read it as UTF-8, what is none kept for validation; closing it is left to who opened it."""
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


def _sniff(start: bytes) -> Format:
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"[":
        return "json"
    return "jsonl" if first in {b"{", b""} else "csv"


def _read_lines(source: Source) -> Iterator[Record]:
    for number, line in enumerate(source, start=1):
        data = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if data:
            yield Record(number, data)


def _read_array(source: Source) -> Iterator[Record]:
    """Cut one element after the other off the front of a window over the text."""
    decoder = json.JSONDecoder()
    with _as_text(source) as text:
        window = text.read(CHUNK).lstrip()[1:]
        number = 1
        while not (window := window.lstrip(" \t\r\n,")).startswith("]"):
            end = _end_of_element(decoder, window)
            if end is None:
                more = text.read(CHUNK)
                if not more or len(window) > LONGEST_ELEMENT:
                    raise InputError(f"element {number} of the array is not JSON, or the array does not end")
                window += more
                continue
            yield Record(number, window[:end].encode(errors="surrogateescape"))
            window = window[end:]
            number += 1


def _end_of_element(decoder: json.JSONDecoder, window: str) -> int | None:
    """Where the first element ends, None when that is not in the window."""
    try:
        _, end = decoder.raw_decode(window)
    except ValueError:
        return None
    return end if end < len(window) else None  # what touches the window's end may go on behind it


def _read_csv(source: Source) -> Iterator[Record]:
    with _as_text(source) as text:
        rows = csv.DictReader(text)
        columns = rows.fieldnames or []
        if not {"student_id", "event_type"} <= set(columns):
            raise InputError(
                f"the CSV header must name student_id and event_type; it is: {', '.join(columns)}"
            )
        for row in rows:
            event = json.dumps(_event_of(row), ensure_ascii=False)
            yield Record(rows.line_num, event.encode(errors="surrogateescape"))


def _event_of(row: dict[str | Any, str | Any]) -> dict[str, Any]:
    """Map known columns to members, others into ``metadata``; an empty cell is an absent value."""
    event: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    for column, cell in row.items():
        if column is None:
            metadata["surplus_columns"] = cell
        elif cell in {"", None}:
            continue
        elif column == "metadata":
            metadata |= _object_or_text(cell)
        elif column == "score":
            event["score"] = _number_or_text(cell)
        elif column in MEMBERS:
            event[column] = cell
        else:
            metadata[column] = cell
    if metadata:
        event["metadata"] = metadata
    return event


def _number_or_text(cell: str) -> float | str:
    """A number where it is one; anything else is left for validation to name."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) else cell


def _object_or_text(cell: str) -> dict[str, Any]:
    try:
        value = json.loads(cell)
    except ValueError:
        value = cell
    return value if isinstance(value, dict) else {"metadata": value}


READERS: Final = {"jsonl": _read_lines, "json": _read_array, "csv": _read_csv}
