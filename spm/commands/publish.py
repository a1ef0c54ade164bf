"""``spm publish``: a file of events into the stream."""

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from spm.aws.target import Connection, connect
from spm.errors import InputError
from spm.publishing.aggregate import aggregate
from spm.publishing.files import Format, read
from spm.publishing.prepare import BadRecord, prepare
from spm.publishing.progress import ProgressFile
from spm.publishing.put_records import publish
from spm.terminal import console
from spm.terminal.options import JsonOption, PipelineOption, SuffixOption, TargetOption

STDIN: Final = Path("-")
GARBAGE_THRESHOLD: Final = 100_000
"""Records make many small objects and no cycles: looking for some took a tenth of the time."""


@dataclass
class Receipt:
    """What became of the input; ``resumed_after`` records were in the stream before."""

    published: int = 0
    bad: int = 0
    resumed_after: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def note_bad(self, record: BadRecord) -> None:
        """Count and name a bad record."""
        self.bad += 1
        self.reasons[record.reason] = self.reasons.get(record.reason, 0) + 1
        name_bad(record)


def command(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, a JSON array or CSV, also gzip; - for standard input.")
    ],
    *,
    form: Annotated[
        Format | None, typer.Option("--format", help="Where the first bytes do not tell.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Publish nothing when a line is bad.")] = False,
    packed: Annotated[
        bool,
        typer.Option("--aggregate", help="Pack many events into a record, as the Producer Library does."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Ignore an earlier, interrupted publish.")
    ] = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish events from a file; every line is checked first by the processor's own decoder.

    Bad lines are listed and left out. Publishing the same file again stores nothing twice; an interrupted one
    goes on where it stopped.

    Example: spm publish term.csv.gz --strict
    Example: spm generate - --events 1000 | spm publish -
    """
    gc.set_threshold(GARBAGE_THRESHOLD)
    connection = connect(target, suffix, pipeline)
    if strict and file != STDIN:
        refuse_bad_lines(connection, file, form)
    receipt = publish_file(connection, file, form, strict=strict, restart=restart, packed=packed)
    if as_json:
        console.print_json(asdict(receipt))
    else:
        console.out.print(f"published {receipt.published:,}, bad and left out {receipt.bad:,}")


def publish_file(
    connection: Connection, file: Path, form: Format | None, *, strict: bool, restart: bool, packed: bool
) -> Receipt:
    """Publish what is good in the file; raise InputError at a bad line when ``strict``."""
    receipt = Receipt()
    on_bad = stop_at_bad if strict else receipt.note_bad
    name = None if file == STDIN else file.name
    with opened(file) as source, console.bar("Publishing", None) as advance:
        progress = ProgressFile(file, connection.stack.stream_arn) if name else None
        if progress and not restart and (position := progress.read()):
            receipt.resumed_after = position
            console.err.print(f"going on after {position:,} records (--restart: from the start)")
        entries = prepare(
            read(source, form),
            name,
            on_bad,
            skip=receipt.resumed_after,
            pipeline=connection.stack.pipeline,
            stream_arn=connection.stack.stream_arn,
        )
        if packed:
            entries = aggregate(entries)
        for batch in publish(connection.aws.kinesis, connection.stack.stream_name, entries):
            events = sum(entry.events for entry in batch)
            receipt.published += events
            advance(events)
            if progress:
                progress.write(batch[-1].position)
    if progress:
        progress.remove()
    return receipt


def refuse_bad_lines(connection: Connection, file: Path, form: Format | None) -> None:
    """Check a whole file, name every bad line, and raise InputError when there is one."""
    bad: list[int] = []

    def note(record: BadRecord) -> None:
        bad.append(record.line)
        name_bad(record)

    with opened(file) as source:
        for _ in prepare(
            read(source, form),
            file.name,
            note,
            pipeline=connection.stack.pipeline,
            stream_arn=connection.stack.stream_arn,
        ):
            pass
    if bad:
        raise InputError(
            f"{file}: {len(bad)} bad lines, nothing was published: correct them, or leave out --strict"
        )


def stop_at_bad(record: BadRecord) -> None:
    """Stop at the first bad line: a pipe cannot be checked before it is published."""
    raise InputError(f"line {record.line}: {record.reason}: {record.detail}")


def name_bad(record: BadRecord) -> None:
    """One line on standard error for a bad record."""
    detail = console.visible(record.detail)
    console.err.print(f"line {record.line}: {record.reason}: {detail}", soft_wrap=True)


@contextmanager
def opened(file: Path) -> Iterator[io.BufferedReader]:
    """Open the file, or take standard input for ``-``; raise InputError where it cannot be read."""
    try:
        source = open(0, "rb", closefd=False) if file == STDIN else file.open("rb")  # noqa: SIM115 - standard input has no path; closed below
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    with source:
        yield source
