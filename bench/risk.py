"""How well risk predicts who fails, on real data: ``python -m bench.risk --data FOLDER --day 56``.

Presentations of the Open University (``bench/oulad.py``) become roster files and native events. What was
handed in up to that day goes through the handler into PostgreSQL, courses are evaluated at the end of the
day, and levels are compared with what became of the students. docs/risk.md says what the figures mean.
"""

import asyncio
import base64
import csv
import itertools
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import accuracy, oulad
from bench.accuracy import SMALLEST_GROUP, Choice, Scored
from bench.contenders import Handler, quiet
from bench.oulad import Handed, Oulad
from bench.server import BenchDatabase, new_target, server
from processor import statements
from processor.commands.refresh import Refresh
from processor.commands.roster_import import RosterImport
from processor.commands.roster_stage import RosterStage
from processor.handler import KinesisEvent
from processor.insight.levels import ELEVATED, HIGH, NONE
from processor.settings import Settings
from processor.storage.session import Session
from spm.roster.files import contents
from spm.roster.read import read_roster
from spm.roster.send import chunks

SQL: Final = statements.load(Path(__file__).with_name("risk.sql"))

STREAM: Final = "arn:aws:kinesis:eu-west-2:123456789012:stream/student-performance-stream-bench"
BATCH: Final = 5_000
FLAGGED: Final = (HIGH, ELEVATED)

console = Console(stderr=True)


class FoundRisk(NamedTuple):
    """A row of ``risk``; ``reasons`` are a JSON array."""

    course: str
    student: str
    score: float
    level: str
    reasons: str


def main(
    data: Annotated[Path, typer.Option(help="The folder of OULAD's files, .csv or .csv.gz.")],
    day: Annotated[int, typer.Option(min=1, help="Counted from the start of each presentation.")] = 56,
    out: Annotated[Path | None, typer.Option(help="Write a line for every enrolled student here.")] = None,
) -> None:
    """Evaluate every enrolled student at the end of a day, and tell how well that says who fails."""
    try:
        school = oulad.read(data)
    except FileNotFoundError as error:
        console.print(f"{error.filename} is not there, nor is it with .gz: name a folder with OULAD's files")
        raise typer.Exit(2) from error
    found = evaluated(school, day)
    if out:
        write(out, day, found)
    for table in tables(school, day, found):
        Console().print(table, "")


def evaluated(school: Oulad, day: int) -> list[FoundRisk]:
    """Have everything that was handed in by the end of the day stored, and its courses evaluated."""
    with server() as postgres, quiet(), Progress(console=console, transient=True) as progress:
        target = new_target(postgres)
        asyncio.run(_import(target, school))
        handler = Handler(target)
        batches = list(_batches(one for one in school.handed_in if one.at <= oulad.end_of(day)))
        for event in progress.track(batches, description="events"):
            handler.run(event)
        handler.close()
        return asyncio.run(_refresh(target, day))


def write(file: Path, day: int, found: Iterable[FoundRisk]) -> None:
    """Write what was found as CSV."""
    with file.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["course", "student", "day", "score", "level", "reasons"])
        writer.writerows(
            [row.course, row.student, day, f"{row.score:.2f}", row.level, row.reasons] for row in found
        )


async def _import(target: BenchDatabase, school: Oulad) -> None:
    connection = await asyncpg.connect(target.owner_dsn)
    session, settings, import_id = Session(connection), Settings("no secret holds this login"), uuid.uuid4()
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in school.roster.items():
            with (Path(folder) / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(lines)
        staged = list(chunks(read_roster(contents(Path(folder)), None, None, "UTC")))
    for number, rows in enumerate(staged):
        await RosterStage(import_id=import_id, number=number, rows=rows).run(session, settings)
    await RosterImport(import_id=import_id, chunks=len(staged)).run(session, settings)
    await connection.close()


async def _refresh(target: BenchDatabase, day: int) -> list[FoundRisk]:
    connection = await asyncpg.connect(target.owner_dsn)
    await Refresh(at=oulad.end_of(day)).run(Session(connection), Settings("no secret holds this login"))
    found = [FoundRisk(*row) for row in await connection.fetch(SQL["found"])]
    await connection.close()
    return found


def _batches(handed_in: Iterable[Handed]) -> Iterator[KinesisEvent]:
    numbered = enumerate(handed_in)
    while batch := list(itertools.islice(numbered, BATCH)):
        yield {"Records": [_record(number, one) for number, one in batch]}


def _record(number: int, handed: Handed) -> Any:  # noqa: ANN401 - with members that the processor does not read
    sequence_number = f"{number + 1:056d}"
    return {
        "eventID": f"shardId-000000000000:{sequence_number}",
        "eventSourceARN": STREAM,
        "kinesis": {
            "partitionKey": handed.student,
            "sequenceNumber": sequence_number,
            "approximateArrivalTimestamp": handed.at.timestamp(),
            "data": base64.b64encode(handed.data).decode(),
        },
    }


def tables(school: Oulad, day: int, found: Sequence[FoundRisk]) -> Iterator[Table]:
    """Yield what there is to read: by presentation, with one left out, by group."""
    scored: dict[str, list[Scored]] = {}
    groups: dict[tuple[str, str], list[Scored]] = {}
    for row in found:
        became = school.enrolled[row.course, row.student]
        one = Scored(row.score, row.level, became.failed)
        scored.setdefault(became.presentation, []).append(one)
        for group in became.groups.items():
            groups.setdefault(group, []).append(one)
    pooled = [one for rows in scored.values() for one in rows]
    yield _by_presentation(day, {**dict(sorted(scored.items())), "pooled": pooled})
    yield _left_out(scored)
    yield _by_group(groups)


def _by_presentation(day: int, scored: dict[str, list[Scored]]) -> Table:
    table = _table(f"Day {day}", "of students enrolled that day", *scored)
    table.add_row("students", *(f"{len(rows):,}" for rows in scored.values()))
    table.add_row("fail or withdraw", *(_rate(accuracy.base_rate(rows)) for rows in scored.values()))
    table.add_row("AUC", *(_rate(accuracy.area_under_curve(rows)) for rows in scored.values()))
    choices: dict[str, Callable[[list[Scored]], Choice]] = {
        "high": lambda rows: accuracy.chosen_by_level(rows, (HIGH,)),
        "elevated or high": lambda rows: accuracy.chosen_by_level(rows, FLAGGED),
        "top 10 %": lambda rows: accuracy.chosen_at_top(rows, 0.1),
        "top 20 %": lambda rows: accuracy.chosen_at_top(rows, 0.2),
    }
    for name, choose in choices.items():
        chosen = [choose(rows) for rows in scored.values()]
        table.add_row(f"{name}: precision", *(_rate(one.precision) for one in chosen))
        table.add_row(f"{name}: recall", *(_rate(one.recall) for one in chosen))
    return table


def _left_out(scored: dict[str, list[Scored]]) -> Table:
    """Find thresholds on all presentations but one, and judge them by that one."""
    table = _table(
        "Thresholds found without a presentation; precision and recall in it",
        *("left out", "high from", "precision", "recall", "elevated from", "precision", "recall"),
    )
    relevelled: list[Scored] = []
    for name in sorted(scored) if len(scored) > 1 else ():
        others = [one for other, rows in scored.items() if other != name for one in rows]
        high, elevated = accuracy.thresholds(others)
        rows = [one._replace(level=_level(one.score, high, elevated)) for one in scored[name]]
        table.add_row(name, *_judged_levels(rows, f"{high:.1f}", f"{elevated:.1f}"))
        relevelled += rows
    table.add_row("each in turn", *_judged_levels(relevelled, "", ""))
    high, elevated = accuracy.thresholds([one for rows in scored.values() for one in rows])
    table.add_row("none", f"{high:.1f}", "", "", f"{elevated:.1f}", "", "")
    return table


def _level(score: float, high: float, elevated: float) -> str:
    return HIGH if score >= high else ELEVATED if score >= elevated else NONE


def _judged_levels(rows: Sequence[Scored], high: str, elevated: str) -> Iterator[str]:
    for threshold, levels in ((high, (HIGH,)), (elevated, FLAGGED)):
        chosen = accuracy.chosen_by_level(rows, levels)
        yield from (threshold, _rate(chosen.precision), _rate(chosen.recall))


def _by_group(groups: dict[tuple[str, str], list[Scored]]) -> Table:
    """Show what the score, which knows no group, means for each; small ones are left out."""
    table = _table(
        "By group: elevated or high. Alarms: of those who did not fail, the share flagged",
        *("group", "number", "fail", "flagged", "precision", "recall", "alarms"),
    )
    for (name, value), rows in sorted(groups.items()):
        if len(rows) < SMALLEST_GROUP:
            continue
        chosen = accuracy.chosen_by_level(rows, FLAGGED)
        rates = (accuracy.base_rate(rows), *chosen[1:])
        table.add_row(f"{name} {value}", f"{len(rows):,}", *map(_rate, rates))
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _rate(share: float) -> str:
    return f"{share:.3f}"


if __name__ == "__main__":
    typer.run(main)
