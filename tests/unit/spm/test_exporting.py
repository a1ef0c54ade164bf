"""Tables in files: both formats hold the same, and a file gets its name when it is complete."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from processor.commands.export import ExportedColumn
from spm.exporting.files import FileKind, written

COLUMNS = [
    ExportedColumn("student_id", "text"),
    ExportedColumn("month", "date"),
    ExportedColumn("events", "int8"),
    ExportedColumn("score_sum", "numeric"),
    ExportedColumn("last_at", "timestamptz"),
    ExportedColumn("metadata", "jsonb"),
]
PAGES = [
    [["ada", "2026-11-01", 3, "1.50", "2026-11-22T12:00:00.000001Z", {"ü": [1, None]}]],
    [["bob", "2026-11-01", 1, None, "2026-11-22T12:00:00Z", {}]],
]


def write(file: Path, kind: FileKind) -> None:
    with written(file, kind, COLUMNS) as add:
        for page in PAGES:
            add(page)
            assert not file.exists()


def test_csv_holds_objects_as_json(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", FileKind.CSV)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as opened:
        header, ada, bob = csv.reader(opened)
    assert header == [column.name for column in COLUMNS]
    assert ada == ["ada", "2026-11-01", "3", "1.50", "2026-11-22T12:00:00.000001Z", '{"ü": [1, null]}']
    assert bob[3:] == ["", "2026-11-22T12:00:00Z", "{}"]


def test_parquet_has_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    write(tmp_path / "t.parquet", FileKind.PARQUET)
    ada, bob = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert ada == {
        "student_id": "ada",
        "month": date(2026, 11, 1),
        "events": 3,
        "score_sum": 1.5,
        "last_at": datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC),
        "metadata": '{"ü": [1, null]}',
    }
    assert bob["score_sum"] is None


def test_an_interrupted_file_has_another_name(tmp_path: Path) -> None:
    def interrupted() -> None:
        with written(tmp_path / "t.csv", FileKind.CSV, COLUMNS) as add:
            add(PAGES[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv.unfinished"]
