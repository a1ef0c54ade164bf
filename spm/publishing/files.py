"""Read events from a file or a pipe: JSON lines, JSON arrays, CSV or Excel, plain or gzip.

The first bytes show the file's format. Everything except Excel is read in constant memory.
"""

import io
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from processor.pipeline import Pipeline
from processor.student_performance import PIPELINE
from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.mapping import Mapping, by_names
from spm.publishing.members import Members, members_of
from spm.publishing.rows import records_of
from spm.reading import documents
from spm.reading.documents import Record
from spm.reading.source import (
    CHUNK,
    Content,
    as_text,
    marked_encoding_of,
    told_if_broken,
    unpacked,
)
from spm.reading.tables import Layout, is_excel, opened_table

Format = Literal["jsonl", "json", "csv", "xlsx"]
UNITS: Final[dict[Format, str]] = {"jsonl": "line", "json": "element", "csv": "line", "xlsx": "row"}


class Input(NamedTuple):
    """The records of a file, in order. ``unit`` says what ``Record.line`` counts."""

    unit: str
    is_table: bool
    records: Iterator[Record | BadRecord]


def read(
    source: io.BufferedReader,
    form: Format | None = None,
    mapping: Mapping | None = None,
    *,
    pipeline: Pipeline = PIPELINE,
    stream_arn: str = "",
) -> Input:
    """Open the records of a file, and find out its format unless it is given.

    Lines in a format of the pipeline's own are read like JSON lines.

    This and the records raise InputError if the file itself is broken, so that records cannot be separated
    any more, and if ``mapping`` does not fit it. By default, columns have the members' own names.
    """
    with told_if_broken():
        content = unpacked(source)
        form = form or format_of(content, lambda line: pipeline.has_decoder(line, stream_arn))
    is_table = form in {"csv", "xlsx"}
    if mapping is not None and not is_table:
        raise InputError("a map is for tables, and this file is JSON: leave --map out")
    records = _records(source, content, form, mapping, members_of(pipeline))
    return Input(UNITS[form], is_table, records)


def _records(
    source: io.BufferedReader, content: Content, form: Format, mapping: Mapping | None, members: Members
) -> Iterator[Record | BadRecord]:
    with told_if_broken():
        if form in {"csv", "xlsx"}:
            with opened_table(source, content, layout_of(mapping), excel=form == "xlsx") as table:
                yield from records_of(table, mapping or by_names(table.columns, members.known), members)
        elif form == "json":
            with as_text(content, marked_encoding_of(content)) as text:
                yield from documents.elements(text)
        else:
            yield from documents.lines(content, marked_encoding_of(content))


def layout_of(mapping: Mapping | None) -> Layout:
    """Return what a mapping says about how the file holds its table."""
    if mapping is None:
        return Layout()
    return Layout(mapping.skip_rows, mapping.sheet, mapping.encoding, mapping.decimal)


def format_of(content: Content, is_own: Callable[[bytes], bool] = lambda _: False) -> Format:
    """Return the format that the first bytes show. ``is_own`` finds lines in the pipeline's own format."""
    start = content.peek(CHUNK)[:CHUNK]
    if is_excel(content):
        return "xlsx"
    text = start.decode(marked_encoding_of(content), errors="ignore").lstrip()
    if text.startswith("["):
        return "json"
    if not text or text.startswith("{") or is_own(start.partition(b"\n")[0]):
        return "jsonl"
    return "csv"
