"""Where in an author's files something stands: ``attendance/statements.sql:12``."""

import inspect
import re
from pathlib import Path

from processor import statements
from processor.pipeline import Pipeline


def of_member(pipeline: Pipeline, column: str) -> str:
    """Return the place of the member that a column comes from; of the message where it is inherited."""
    member = "timestamp" if column == "occurred_at" else column
    file = inspect.getsourcefile(pipeline.message)
    if file is None:
        return pipeline.message.__name__
    lines, first = inspect.getsourcelines(pipeline.message)
    found = [n for n, line in enumerate(lines) if re.match(rf"\s+{re.escape(member)}\s*:", line)]
    return at(Path(file), first + (found[0] if found else 0))


def of_statement(pipeline: Pipeline, name: str, line: int = 0) -> str:
    """Return the place of one of the pipeline's own statements, or of a line of it, counted from 0."""
    return at(pipeline.statements_file, statements.line_of(name, pipeline.statements_file) + line)


def of_position(sql: str, position: str | None) -> int:
    """Return on which line of a statement, counted from 0, the character stands that PostgreSQL names."""
    return sql[: int(position) - 1].count("\n") if position else 0


def at(file: Path, line: int) -> str:
    """Return the place, as people and editors read it."""
    return f"{file.parent.name}/{file.name}:{line}"
