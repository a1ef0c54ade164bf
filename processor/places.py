"""Finds the place of something in an author's files: ``examples/attendance/statements.sql:12``."""

import inspect
import re
from pathlib import Path

from processor import statements
from processor.pipeline import Pipeline


def of_member(pipeline: Pipeline, column: str) -> str:
    """Return the place of the member from which a column comes, or of the message if it is inherited."""
    member = "timestamp" if column == "occurred_at" else column
    try:
        file = inspect.getfile(pipeline.message)
        lines, first = inspect.getsourcelines(pipeline.message)
    except (OSError, TypeError):  # a struct that was made at run time is in no file
        return pipeline.message.__name__
    found = [n for n, line in enumerate(lines) if re.match(rf"\s+{re.escape(member)}\s*:", line)]
    return at(Path(file), first + (found[0] if found else 0))


def of_statement(pipeline: Pipeline, name: str, line: int = 0) -> str:
    """Return the place of one of the pipeline's own statements, or of a line of it, counted from 0."""
    return at(pipeline.statements_file, statements.line_of(name, pipeline.statements_file) + line)


def of_declaration(pipeline: Pipeline, text: str = "") -> str:
    """Return the place of the pipeline's declaration, or of ``text``, a name, if that is there in quotes."""
    file = _module_file(pipeline)
    if file is None:
        return pipeline.name
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next((n for n, line in enumerate(lines, start=1) if re.search(r"\bPipeline\($", line)), 1)
    named = (n for n, line in enumerate(lines, start=1) if n >= first and f'"{text}"' in line)
    return at(file, next(named, first))


def of_table(pipeline: Pipeline, table: str) -> str:
    """Return the place of the migration that creates a table, or of the declaration if none does."""
    creates = re.compile(rf"\s*CREATE TABLE (IF NOT EXISTS )?{re.escape(table)}\b", re.IGNORECASE)
    for file in sorted(pipeline.migrations.glob("*.sql")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if creates.match(line):
                return at(file, number)
    return of_declaration(pipeline)


def of_position(sql: str, position: str | None) -> int:
    """Return the line of a statement, counted from 0, with the character that PostgreSQL names."""
    return sql[: int(position) - 1].count("\n") if position else 0


def at(file: Path, line: int = 0) -> str:
    """Return the place as people and editors read it, relative to the current folder if it is below that."""
    here = Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else Path(file.parent.name, file.name)
    return f"{shown}:{line}" if line else str(shown)


def _module_file(pipeline: Pipeline) -> Path | None:
    package = pipeline.folder / "__init__.py"
    if package.exists():
        return package
    file = inspect.getsourcefile(pipeline.message)
    return Path(file) if file else None
