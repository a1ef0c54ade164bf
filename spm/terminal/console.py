"""Prints results on standard output, and progress and errors on standard error.

Rich drops colours and moving bars by itself if the output is not a terminal, and colours under NO_COLOR.
Data is shown as text: no character of it may command the terminal.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from spm.errors import InputError

CONTROLS: Final = (
    *range(0x20),  # C0
    *range(0x7F, 0xA0),  # DEL and C1
    *(0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # these turn the direction of text
)
AS_TEXT: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in CONTROLS} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}
IN_MESSAGES: Final = {code: text for code, text in AS_TEXT.items() if code not in {ord("\n"), ord("\t")}}


def visible(text: str, written_out: Mapping[int, str] = AS_TEXT) -> str:
    """Return a value of the data on one line, with its control characters escaped: ESC as ``\\x1b``."""
    return text.translate(written_out).encode(errors="backslashreplace").decode()


class Screen(Console):
    """A console that prints a string as a message, with its control characters escaped."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - Rich's own signature
        """Print as Rich does. Strings keep only their lines and tabs."""
        shown = [visible(o, IN_MESSAGES) if isinstance(o, str) else o for o in objects]
        super().print(*shown, **options)


out = Screen(highlight=False, markup=False, emoji=False)
err = Screen(stderr=True, highlight=False, markup=False, emoji=False)

TITLE_WIDTH = 34

debug = False
"""Whether a person asked for tracebacks."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that something is going on, and afterwards how long it took."""
    started = time.monotonic()
    with err.status(title):
        yield
    err.print(f"{title:<{TITLE_WIDTH}} {time.monotonic() - started:6.1f} s")


@contextmanager
def bar(
    title: str, total: int | None, position: Callable[[], int] | None = None
) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, and yield what to call with the number of things newly done.

    ``total`` is None if it is not known before. With ``position``, it is the total of something else, such as
    a file's bytes, and ``position`` returns how many of those are done.
    """
    started = time.monotonic()
    done = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn() if position else MofNCompleteColumn(),
        TextColumn("{task.fields[done]}"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(title, total=total, rate=0.0, done="")

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress.update(
                task,
                completed=position() if position else done,
                done=f"{done:,}" if position else "",
                rate=done / max(0.001, time.monotonic() - started),
            )

        yield advance
    took = time.monotonic() - started
    of = "" if total is None or position else f" of {total:,}"
    err.print(f"{title:<{TITLE_WIDTH}} {took:6.1f} s   {done:,}{of}, {done / max(0.001, took):,.0f}/s")


def print_json(value: object) -> None:
    """Print one JSON document on standard output, for programs."""
    sys.stdout.write(json.dumps(value, default=msgspec.to_builtins) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header, numbers to the right."""
    listed = [list(row) for row in rows]
    table = Table()
    for index, column in enumerate(columns):
        numbers = any(isinstance(row[index], int | float) for row in listed)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(cell(value)) for value in row))
    out.print(table)


def print_below(rows: Iterable[tuple[str, str]]) -> None:
    """Print what belongs to the line above: a word or a number, and a wrapped text beside it."""
    grid = Table.grid(padding=(0, 1))
    for row in rows:
        grid.add_row("", *(Text(cell(value)) for value in row))
    out.print(grid)


def cell(value: object) -> str:
    """Return one value of a table, as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return visible(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value))


def exact(score: float | None) -> str:
    """Return a number as it is stored, while ``cell`` rounds it like a mean."""
    return "" if score is None else f"{score:,.10g}"


def moment(time_: datetime | str | None) -> str:
    """Return a time in UTC, or its text as RFC 3339, to the second."""
    if time_ is None:
        return "never"
    text = time_ if isinstance(time_, str) else time_.isoformat()
    return text[:19].replace("T", " ") + " UTC"


def size(count: float) -> str:
    """Return a number of bytes in a unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def pairs(members: Mapping[str, object]) -> str:
    """Return an object's members on one line."""
    return " ".join(
        visible(f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
        for name, value in members.items()
    )


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts: 1 month, 2 months."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@contextmanager
def opened_for_writing(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing, or take standard output for ``-``. Raise InputError if that fails."""
    if file == Path("-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        output = file.open("wb")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    with output:
        yield output
