"""``spm query`` and ``spm student``: ready-made reports about what is stored."""

import csv
import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from processor.commands.query import Query
from processor.commands.refresh import Refresh
from processor.pipeline import Pipeline
from spm.aws.target import connect
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import (
    CourseOption,
    FreshOption,
    JsonOption,
    PipelineOption,
    SinceOption,
    StudentOption,
    SuffixOption,
    TargetOption,
    TypeOption,
    UntilOption,
    WhereOption,
    narrowed,
)
from spm.terminal.plot import sparkline

MOST_ROWS: Final = 10_000
"""The filters that are for one report only."""
HEADINGS: Final = {"occurred_at": "when", "event_type": "event", "metadata": "details"}
"""What people see as a column's name, if it is not the name itself."""

PageOption = Annotated[int, typer.Option(min=1, help="Which page of --limit rows to show.")]


class Form(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    report: Annotated[
        str,
        typer.Argument(
            help="students, courses, types, days, …; another pipeline has days and its own reports."
        ),
    ],
    *,
    student: StudentOption = None,
    event_type: TypeOption = None,
    course: CourseOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    where: WhereOption = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Sort the rows by this column.", show_default=False),
    ] = None,
    descending: Annotated[
        bool, typer.Option("--descending", help="With --sort, put the largest value first.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="Show at most this many rows.")] = 100,
    page: PageOption = 1,
    fresh: FreshOption = False,
    form: Annotated[Form, typer.Option("--format", help="How to print the rows.")] = Form.TABLE,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a ready-made, read-only report over the stored events.

    Example: spm query courses --type quiz_score --since 2026-11-01
    Example: spm query students --course MATH-101 --sort mean_score
    Example: spm query days --format csv > days.csv
    Example: spm query sessions --pipeline attendance --where session_id=math-1
    """
    connection = connect(target, suffix, pipeline)
    if fresh:
        connection.commands.run(Refresh())
    answer = connection.commands.report(
        Query(
            report,
            narrowed(student, event_type, course, where, since=since, until=until),
            sort=sort,
            descending=descending,
            limit=one_more(limit),
            offset=(page - 1) * limit,
            pipeline=connection.stack.pipeline.name,
        )
    )
    print_rows(answer.columns, answer.rows[:limit], Form.JSON if as_json else form)
    say_if_there_is_more(answer.rows, limit, page)
    if answer.waiting:
        batches = console.counted(answer.waiting, "stored batch", "stored batches")
        console.err.print(f"{batches} arrived since the last compaction; --fresh includes them")


def student(
    student_id: Annotated[str, typer.Argument(help="The student's id.")],
    *,
    event_type: TypeOption = None,
    course: CourseOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="Show at most this many events.")] = 50,
    page: PageOption = 1,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a student's newest events, and a small plot of the scores.

    Example: spm student student-0042 --course MATH-101
    Example: spm student student-0042 --pipeline attendance
    """
    connection = connect(target, suffix, pipeline)
    found = connection.stack.pipeline
    refuse_without_students(found)
    answer = connection.commands.report(
        Query(
            "student",
            narrowed(student_id, event_type, course, since=since, until=until),
            limit=one_more(limit),
            offset=(page - 1) * limit,
            pipeline=found.name,
        )
    )
    rows = answer.rows[:limit]
    if as_json:
        print_rows(answer.columns, rows, Form.JSON)
        return
    if not rows:
        console.err.print(f"nothing is stored about {student_id}")
        raise typer.Exit(1)
    events = [dict(zip(answer.columns, row, strict=True)) for row in rows]
    shown = [column for column in answer.columns if column != "student_id"]
    console.print_table(
        [HEADINGS.get(column, column) for column in shown],
        [[_cell(column, event[column]) for column in shown] for event in events],
    )
    say_if_there_is_more(answer.rows, limit, page)
    scores = [score for event in reversed(events) if (score := per_cent(event)) is not None]
    if scores:
        mean = sum(scores) / len(scores)
        console.out.print(f"scores in per cent, oldest to newest: {sparkline(scores, 40, 100)}")
        console.out.print(f"lowest {min(scores):.1f}, mean {mean:.1f}, highest {max(scores):.1f}")


def refuse_without_students(pipeline: Pipeline) -> None:
    """Raise InputError if a pipeline's events do not belong to students."""
    if "student" not in pipeline.reports:
        raise InputError(
            f"the pipeline {pipeline.name} has no history of a student: use spm tail or spm query"
        )


def per_cent(event: dict[str, Any]) -> float | None:
    """Return an event's score in per cent of its ``max_score``, or of 100. Return None if it has no score."""
    score, metadata = event.get("score"), event.get("metadata")
    if not isinstance(score, int | float):
        return None
    maximum = metadata.get("max_score") if isinstance(metadata, dict) else None
    whole = maximum if isinstance(maximum, int | float) and maximum > 0 else 100
    return 100 * score / whole


def one_more(limit: int) -> int:
    """Return how many rows to ask for, so that the answer shows whether there are more than are wanted."""
    return min(limit + 1, MOST_ROWS)


def say_if_there_is_more(rows: Sequence[object], limit: int, page: int) -> None:
    """Say that not everything is shown, or that this may be so if as much was asked for as possible."""
    next_page = f"--page {page + 1} shows the next {limit:,}"
    if len(rows) > limit:
        console.err.print(f"There is more: {next_page}, --limit up to {MOST_ROWS:,} at a time.")
    elif len(rows) == MOST_ROWS:
        console.err.print(f"There may be more: {next_page}.")


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: Form) -> None:
    """Print rows in the chosen form. JSON is an array of objects."""
    if form is Form.JSON:
        console.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)
    elif not rows:
        console.err.print("nothing that is stored matches")
    else:
        console.print_table(columns, rows)


def _csv_cell(value: object) -> object:
    """Return an object as JSON. Control characters are escaped in a terminal and kept in a file."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return console.visible(value) if isinstance(value, str) and sys.stdout.isatty() else value


def _cell(column: str, value: Any) -> object:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return console.pairs(value)
    if isinstance(value, float):
        return console.exact(value)
    return console.moment(value) if column == "occurred_at" else value
