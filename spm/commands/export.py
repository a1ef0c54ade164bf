"""``spm export``: projections, risk, and the event log by month, as files for other programs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from processor.commands.export import Export, exported
from processor.commands.refresh import Refresh
from processor.commands.status import Status
from spm.aws.commands import Commands
from spm.aws.target import Connection, connect
from spm.errors import InputError
from spm.exporting.files import FileKind, require_parquet, written
from spm.terminal import console
from spm.terminal.options import FreshOption, JsonOption, PipelineOption, SuffixOption, TargetOption


class Exported(NamedTuple):
    """A file, and how many rows were written into it. None if it was there already."""

    file: Path
    rows: int | None


def command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The folder for the files. It is made if it does not exist."),
    ],
    *,
    kind: Annotated[
        FileKind, typer.Option("--format", help="Parquet needs the optional extra `parquet`.")
    ] = FileKind.CSV,
    fresh: FreshOption = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every projection, risk with its history, and the event log by month into a folder.

    Run it again after an interruption: finished files are kept, and the others start again.
    For new figures, export into an empty folder. While events arrive, the files are not a snapshot.

    Example: spm export school-2026
    Example: spm export school-2026 --format parquet
    """
    if kind is FileKind.PARQUET:
        require_parquet()
    connection = connect(target, suffix, pipeline)
    if fresh:
        connection.commands.run(Refresh())
    _make(folder)
    wanted = dict(_tables(connection))
    done: list[Exported] = []
    with console.bar("Exporting rows", None) as advance:
        for name, table in wanted.items():
            file = folder / f"{name}.{kind.value}"
            rows = None if file.exists() else _write(connection.commands, file, kind, table, advance)
            done.append(Exported(file, rows))
    if as_json:
        console.print_json({str(one.file): one.rows for one in done})
        return
    kept = sum(one.rows is None for one in done)
    console.out.print(f"wrote {console.counted(len(done) - kept, 'file')} into {folder}")
    if kept:
        were = "was there already and was" if kept == 1 else "were there already and were"
        console.out.print(f"{console.counted(kept, 'file')} {were} kept: remove what you want to write again")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error


def _tables(connection: Connection) -> Iterator[tuple[str, Export]]:
    """Yield each file's name and the question for its first page. Each month of the log has its own file."""
    pipeline = connection.stack.pipeline
    for table in exported(pipeline):
        asked = Export(table=table, pipeline=pipeline.name)
        if table != pipeline.table:
            yield table, asked
            continue
        for partition in connection.commands.run(Status(pipeline=pipeline.name)).partitions:
            yield f"{table}-{partition.month}", msgspec.structs.replace(asked, month=partition.month)


def _write(
    commands: Commands, file: Path, kind: FileKind, asked: Export, advance: Callable[[int], None]
) -> int:
    """Write a table page by page, and return how many rows it has."""
    answer = commands.run(asked)
    count = 0
    with written(file, kind, answer.columns) as write:
        while True:
            write(answer.rows)
            count += len(answer.rows)
            advance(len(answer.rows))
            if answer.next is None:
                return count
            answer = commands.run(msgspec.structs.replace(asked, after=answer.next))
