"""How many rows per second ``spm publish`` reads, maps, checks and gives an id, before sending any."""

import csv
import gc
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.measure import Spread
from bench.results import Row
from spm.commands.publish import GARBAGE_THRESHOLD
from spm.publishing.bad import BadRecord
from spm.publishing.files import read
from spm.publishing.mapping import Mapping, Time
from spm.publishing.prepare import prepare
from spm.reading.source import opened

ROWS: Final = 100_000
ROUNDS: Final = 7
MAP: Final = Mapping(
    columns={
        "student_id": "Student No",
        "course": "Course",
        "assessment": "Work",
        "score": "Points",
        "max_score": "Out of",
        "timestamp": "Handed in",
    },
    constants={"event_type": "quiz_score"},
    time=Time("America/New_York", "%m/%d/%Y %I:%M %p"),
    leave_out=["Name"],
    decimal=",",
)


def measure() -> list[Row]:
    """Return a row for each kind of file; the first round is not counted."""
    gc.set_threshold(GARBAGE_THRESHOLD)  # as the command does
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "export.csv"
        with table.open("w", newline="") as output:
            csv.writer(output, delimiter=";").writerows(_rows())
        rates = [_rate(table, MAP) for _ in range(ROUNDS + 1)][1:]
    return [{"task": "CSV with a map, rows per second of one core", "rate": Spread.of(rates).rounded(0)}]


def _rows() -> Iterator[list[object]]:
    """Yield a school's export: a header, and points of a year at any minute of its days."""
    dice = random.Random(1)  # noqa: S311 - made-up data must be repeatable, not secret
    yield ["Student No", "Name", "Course", "Work", "Points", "Out of", "Handed in", "Remark"]
    for number in range(ROWS):
        day = f"{dice.randrange(1, 13)}/{dice.randrange(1, 29)}/2026"
        handed_in = f"{day} {dice.randrange(1, 13)}:{dice.randrange(60):02d} {dice.choice(('AM', 'PM'))}"
        points = str(dice.randrange(200) / 10).replace(".", ",")
        yield [
            f"s-{number % 5000}",
            f"Name {number}",
            "MATH-101",
            f"Quiz {number % 9}",
            points,
            20,
            handed_in,
            "",
        ]


def _rate(file: Path, mapping: Mapping) -> float:
    """Rows a second, by processor time, which neighbours on the machine hardly change."""
    started = time.process_time()
    with opened(file) as source:
        count = sum(1 for _ in prepare(read(source, None, mapping).records, _refuse))
    assert count == ROWS  # noqa: S101 - a benchmark of bad rows says nothing
    return count / (time.process_time() - started)


def _refuse(bad: BadRecord) -> None:
    raise AssertionError(bad.detail)
