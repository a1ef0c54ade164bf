"""Writes a table into a file page by page, as CSV, or as Parquet with the optional extra ``parquet``."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from processor.commands.export import ExportedColumn
from spm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[Sequence[Any]]
Writer = Callable[[Rows], None]

UNFINISHED: Final = ".unfinished"
"""The ending of a file's name until the file is complete."""


class FileKind(StrEnum):
    """The kind of file that a table becomes."""

    CSV = "csv"
    PARQUET = "parquet"


@contextmanager
def written(file: Path, kind: FileKind, columns: Sequence[ExportedColumn]) -> Iterator[Writer]:
    """Yield a function that adds rows to a file. The file has another name until all of them are there.

    Raises InputError if it cannot be written.
    """
    unfinished = file.with_name(file.name + UNFINISHED)
    opened = _csv if kind is FileKind.CSV else _parquet
    try:
        with opened(unfinished, columns) as write:
            yield write
        unfinished.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}") from error


@contextmanager
def _csv(file: Path, columns: Sequence[ExportedColumn]) -> Iterator[Writer]:
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        yield lambda rows: writer.writerows([_text(value) for value in row] for row in rows)


def _text(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


@contextmanager
def _parquet(file: Path, columns: Sequence[ExportedColumn]) -> Iterator[Writer]:
    require_parquet()
    import pyarrow as pa  # noqa: PLC0415 - the extra need not be installed
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    schema = pa.schema([(column.name, _types(pa).get(column.type, pa.string())) for column in columns])

    def write(rows: Rows) -> None:
        made = [
            _array(pa, column.type, [_text(row[place]) for row in rows])
            for place, column in enumerate(columns)
        ]
        writer.write_table(pa.Table.from_arrays(made, schema=schema))

    with pq.ParquetWriter(file, schema) as writer:
        yield write


def require_parquet() -> None:
    """Raise InputError if the extra is not installed."""
    try:
        import pyarrow  # noqa: F401, PLC0415 - only whether it is there
    except ImportError as error:
        raise InputError(
            "Parquet needs the package pyarrow: install the extra `parquet`, "
            "in a checkout with: .venv/bin/uv sync --inexact --extra parquet"
        ) from error


def _types(pa: Any) -> Mapping[str, "pa.DataType"]:  # noqa: ANN401 - the module, which need not be there
    """Return the Parquet type for each of PostgreSQL's; others become text, and exact decimals doubles."""
    return {
        "bool": pa.bool_(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "float8": pa.float64(),
        "numeric": pa.float64(),
        "date": pa.date32(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }


def _array(pa: Any, type_: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - as above
    """Return a column. Values that JSON has only as text, such as times, are parsed."""
    wanted = _types(pa).get(type_, pa.string())
    if type_ in ("date", "timestamptz", "numeric"):
        return pa.array(values, pa.string()).cast(wanted)
    return pa.array(values, wanted)
