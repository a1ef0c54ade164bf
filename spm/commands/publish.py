"""``spm publish``: a file of events into the stream."""

import gc
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from processor.pipeline import Pipeline
from spm.authoring import choose
from spm.aws.dropped import Months, by_month, in_dropped_months
from spm.aws.stack import Stack
from spm.aws.stream import creation_of
from spm.aws.target import Connection, connect
from spm.errors import InputError
from spm.published import (
    Published,
    file_bar,
    show_preview,
    show_published,
    stop_at_bad,
    told_where_it_stopped,
)
from spm.publishing.aggregate import aggregate
from spm.publishing.files import Format, Input, read
from spm.publishing.mapping import Mapping, read_mapping
from spm.publishing.prepare import prepare
from spm.publishing.preview import Preview, preview
from spm.publishing.progress import ProgressFile
from spm.publishing.propose import propose
from spm.publishing.put_records import publish
from spm.reading.source import STDIN, opened
from spm.terminal import console
from spm.terminal.options import DryRunOption, JsonOption, PipelineOption, SuffixOption, TargetOption

GARBAGE_THRESHOLD: Final = 100_000
"""Records make many small objects and no cycles. Looking for cycles took a tenth of the time."""
LEFT_OUT: Final = 1
"""The exit code if something was left out."""


@dataclass(frozen=True)
class Chosen:
    """What is read, and how."""

    file: Path
    form: Format | None
    map_file: Path | None
    mapping: Mapping | None

    def read(self, source: io.BufferedReader, pipeline: Pipeline, stream_arn: str) -> Input:
        """Read the file as the pipeline accepts it."""
        return read(source, self.form, self.mapping, pipeline=pipeline, stream_arn=stream_arn)


def command(
    file: Annotated[
        Path,
        typer.Argument(help="CSV, Excel, JSON lines or a JSON array, also gzip; - for standard input."),
    ],
    *,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE.toml",
            help="A TOML file that says which column is what, and how times are written.",
        ),
    ] = None,
    propose_map: Annotated[
        bool, typer.Option("--propose-map", help="Print a first map for the file, and publish nothing.")
    ] = False,
    dry_run: DryRunOption = False,
    allow_bad: Annotated[
        bool, typer.Option("--allow-bad", help="Exit with 0 even if bad lines were left out.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="The file's format, if its first bytes do not show it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Publish nothing if any line is bad.")] = False,
    packed: Annotated[
        bool,
        typer.Option(
            "--aggregate", help="Pack many events into one record, as the Kinesis Producer Library does."
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start from the beginning after an interruption.")
    ] = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish events from a file. The processor's own decoder checks every line first.

    Bad lines are named and left out, and the exit code is then 1. After Ctrl-C, the
    same command continues where it stopped. Publishing the same content again stores
    nothing twice, unless another pipeline accepts records that are not JSON objects.

    Example: spm publish term.csv.gz --strict
    Example: spm publish --propose-map grades.xlsx > grades.toml
    Example: spm publish grades.xlsx --map grades.toml --dry-run
    Example: spm generate - --events 1000 | spm publish -
    """
    gc.set_threshold(GARBAGE_THRESHOLD)
    if propose_map:
        of = connect(target, suffix, pipeline).stack.pipeline if pipeline else choose.first()
        with opened(file) as source:
            typer.echo(propose(source, form, of), nl=False)
        return
    chosen = Chosen(file, form, map_file, read_mapping(map_file) if map_file else None)
    if dry_run:
        # Only the stack knows which pipelines are deployed. The project also knows which is the first.
        stack = connect(target, suffix, pipeline).stack if pipeline else None
        of, stream_arn = (stack.pipeline, stack.stream_arn) if stack else (choose.first(), "")
        looked = preview_file(chosen, of, stream_arn)
        bad = show_preview(looked, as_json=as_json)
    else:
        connection = connect(target, suffix, pipeline)
        if strict and file != STDIN:
            refuse_bad_lines(chosen, connection.stack)
        receipt = publish_file(connection, chosen, strict=strict, restart=restart, packed=packed)
        bad = show_published(receipt, as_json=as_json)
    if bad and not allow_bad:
        raise typer.Exit(LEFT_OUT)


def publish_file(
    connection: Connection, chosen: Chosen, *, strict: bool, restart: bool, packed: bool
) -> Published:
    """Publish what is good in the file. If ``strict``, raise InputError at a bad line."""
    receipt = Published()
    months: Months = Counter()
    stack, aws = connection.stack, connection.aws
    progress = progress_of(connection, chosen)
    if progress and not restart and (position := progress.read()):
        receipt.resumed_after = position
        console.err.print(f"continuing after {position:,} records (--restart starts from the beginning)")
    with opened(chosen.file) as source:
        given = chosen.read(source, stack.pipeline, stack.stream_arn)
        entries = prepare(
            given.records,
            stop_at_bad(given.unit) if strict else receipt.bad_of(given.unit),
            receipt.resumed_after,
            on_without_id=receipt.note_without_id,
            by_chance=chosen.file == STDIN and not given.is_table,
            pipeline=stack.pipeline,
            stream_arn=stack.stream_arn,
        )
        counted = by_month(entries, months)
        accepted = publish(aws.kinesis, stack.stream_name, aggregate(counted) if packed else counted)
        with told_where_it_stopped(receipt, progress), file_bar(source) as advance:
            for batch in accepted:
                events = sum(entry.events for entry in batch)
                receipt.published += events
                if progress:
                    progress.write(batch[-1].position)
                advance(events)
    if progress:
        progress.remove()
    of_earlier = in_dropped_months(connection, months)
    receipt.of_dropped_months = of_earlier.events
    if of_earlier.events:
        console.err.print(
            f"{console.counted(of_earlier.events, 'event')} happened before {of_earlier.kept_from:%Y-%m}, "
            "and what was stored before then has been dropped. What had been stored is not stored again: "
            "spm status counts it as duplicates.",
            soft_wrap=True,
        )
    return receipt


def progress_of(connection: Connection, chosen: Chosen) -> ProgressFile | None:
    """Return where to continue in a file. A pipe cannot be read from its start again."""
    if not chosen.file.is_file():
        return None
    stream = creation_of(connection.aws, connection.stack)
    return ProgressFile(chosen.file, stream, chosen.map_file)


def refuse_bad_lines(chosen: Chosen, stack: Stack) -> None:
    """Check a whole file, name its bad lines, and raise InputError if there are any."""
    receipt = Published()
    with opened(chosen.file) as source:
        given = chosen.read(source, stack.pipeline, stack.stream_arn)
        note = receipt.bad_of(given.unit)
        for _ in prepare(given.records, note, pipeline=stack.pipeline, stream_arn=stack.stream_arn):
            pass
    receipt.name_the_rest()
    if receipt.bad:
        raise InputError(
            f"{chosen.file}: {console.counted(receipt.bad, 'bad line')}; nothing was published: "
            "correct them, or leave out --strict"
        )


def preview_file(chosen: Chosen, pipeline: Pipeline, stream_arn: str) -> tuple[str, Preview]:
    """Check a file and publish nothing. Return its receipt and what was seen."""
    with opened(chosen.file) as source:
        given = chosen.read(source, pipeline, stream_arn)
        return given.unit, preview(given.records, pipeline, stream_arn)
