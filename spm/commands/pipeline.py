"""``spm pipeline``: helps authors of a pipeline before anything is deployed."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from emulation import project
from processor.pipeline import Pipeline
from spm.authoring import trial
from spm.authoring.choose import BrokenModule, chosen, imported, listed
from spm.authoring.show import Statement, statements_of
from spm.authoring.trial import Sample, Shown, Trial
from spm.errors import InputError
from spm.publishing.files import Format, read
from spm.reading.source import opened
from spm.terminal import console
from spm.terminal.options import JsonOption
from spm.testing.postgres import database

app = typer.Typer(help="Inspect or try a pipeline before it is deployed.", no_args_is_help=True)

MISTAKEN = 1
"""The exit code if something does not fit."""


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="The pipeline's module, or its name if the project deploys it.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Print the statements that run for a pipeline, with all names filled in.

    Example: spm pipeline show student-performance
    Example: spm pipeline show examples.library_loans
    """
    try:
        found = list(statements_of(chosen(name)))
    except (BrokenModule, ValueError) as error:
        raise InputError(f"{error}: spm pipeline check says everything that is wrong") from error
    if as_json:
        console.print_json([statement._asdict() for statement in found])
        return
    for statement in found:
        console.out.print(_as_text(statement), soft_wrap=True)


@app.command()
def check(
    module: Annotated[
        str | None,
        typer.Argument(
            help="The pipeline's module or name. Default: all of the project.", show_default=False
        ),
    ] = None,
    *,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", metavar="FILE", help="Records to try it with, as for spm publish."),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="The sample's format, if its first bytes do not show it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try a pipeline on a PostgreSQL of its own, without a cloud, and name what does not fit.

    The check applies its migrations, compares its struct and its statements with the tables, and stores the
    sample. It prints what would be in the tables and what the pipeline's reports would answer. The exit code
    is 1 if there is a mistake.

    Example: spm pipeline check examples.library_loans --sample loans.jsonl
    """
    found = _tried(module, sample, form)
    mistakes = [mistake for one in found for mistake in one.mistakes]
    tables = [table for one in found for table in one.tables]
    if as_json:
        console.print_json({"mistakes": mistakes, "tables": {t.table: _objects(t) for t in tables}})
    else:
        for table in tables:
            _print_rows(table)
        if tables:
            console.out.print("times are in UTC")
        for mistake in mistakes:
            console.out.print(mistake, soft_wrap=True)
        console.out.print(console.counted(len(mistakes), "mistake") if mistakes else "everything fits")
    if mistakes:
        raise typer.Exit(MISTAKEN)


def _tried(module: str | None, file: Path | None, form: Format | None) -> list[Trial]:
    try:
        pipelines = [chosen(module)] if module else [imported(listed_one) for listed_one in listed()]
    except BrokenModule as error:
        return [Trial([str(error)])]
    if file and len(pipelines) > 1:
        raise InputError("a sample belongs to one pipeline: name the pipeline, too")
    sample = _read(file, form, pipelines[0]) if file else None
    with database(project.folder()) as login:
        return [asyncio.run(trial.tried(pipeline, login, sample)) for pipeline in pipelines]


def _read(file: Path, form: Format | None, pipeline: Pipeline) -> Sample:
    with opened(file) as source:
        given = read(source, form, pipeline=pipeline)
        return Sample(str(file), given.unit, list(given.records))


def _as_text(statement: Statement) -> str:
    heading = f"-- {statement.part}: {statement.name}"
    numbered = (f"${number} {name}" for number, name in enumerate(statement.parameters, start=1))
    takes = f"\n-- takes {', '.join(numbered)}" if statement.parameters else ""
    return f"{heading}{takes}\n{statement.sql};\n"


def _print_rows(table: Shown) -> None:
    console.out.print(f"{table.table}:")
    kept = [i for i, name in enumerate(table.columns) if name != "event_id" or any(r[i] for r in table.rows)]
    console.print_table([table.columns[i] for i in kept], ([_cell(r[i]) for i in kept] for r in table.rows))


def _cell(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def _objects(table: Shown) -> object:
    return msgspec.to_builtins([dict(zip(table.columns, row, strict=True)) for row in table.rows])
