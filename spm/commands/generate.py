"""``spm generate``: made-up students and a term of their events."""

import json
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from processor.student_performance import PIPELINE
from spm.aws.target import connect
from spm.errors import InputError
from spm.publishing.put_records import Entry, publish
from spm.school import School, happenings, make, write
from spm.term import BAD_RECORDS, COURSES, generate, start_of_term_until
from spm.terminal import console
from spm.terminal.options import JsonOption, PipelineOption, SuffixOption, TargetOption, day

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


Line = tuple[bytes, str]
DEFAULT_EVENTS: Final = 20_000


def command(
    output: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="The file to write, - for standard output, or a folder (a name without an ending).",
        ),
    ] = Path("-"),
    *,
    events: Annotated[
        int | None,
        typer.Option(min=0, help="How many events; not with a folder. Default: 20,000.", show_default=False),
    ] = None,
    students: Annotated[int, typer.Option(min=1, help="How many students there are.")] = 500,
    courses: Annotated[int, typer.Option(min=1, max=len(COURSES), help="How many courses there are.")] = len(
        COURSES
    ),
    until: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DAY", help="The first day after the term. Default: today, UTC."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and term give the same events.")] = 1,
    bad: Annotated[int, typer.Option(min=0, help="How many broken records to mix in.")] = 0,
    duplicates: Annotated[int, typer.Option(min=0, help="How many events to repeat.")] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Events per second; 0 means as fast as possible.")] = 0,
    stream: Annotated[
        bool, typer.Option("--stream", help="Send them to the stream instead of a file.")
    ] = False,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make plausible events of a term that has just ended, as JSON lines in a file or in the stream.

    They are events of the pipeline student-performance.

    A folder gets a whole school: roster/ for `spm roster import`, and events.jsonl that fits it.

    Example: spm generate term.jsonl --events 50000 --students 800 --seed 7
    Example: spm generate --stream --rate 200 --bad 5
    Example: spm generate school --students 200
    """
    if pipeline not in (None, PIPELINE.name):
        raise InputError(f"the pipeline {pipeline} has no made-up events: they are all {PIPELINE.name}'s")
    until = until or datetime.now(UTC).date()
    if not stream and is_folder(output):
        refuse_for_a_folder(events, bad, duplicates, rate)
        _write_school(output, make(students, courses, seed, until), seed, as_json=as_json)
        return
    events = DEFAULT_EVENTS if events is None else events
    start = start_of_term_until(until)
    made = generate(events, students, seed=seed, courses=courses, start=start)
    lines = mix(((json.dumps(e).encode(), e["student_id"]) for e in made), events, bad, duplicates, seed)
    paced = pace(lines, rate) if rate else lines
    if stream:
        connection = connect(target, suffix, PIPELINE.name)
        count = _send(connection.aws.kinesis, connection.stack.stream_name, paced, events + bad + duplicates)
    else:
        count = _write(output, paced)
    if as_json and (stream or output != Path("-")):
        console.print_json({"generated": count})


def refuse_for_a_folder(events: int | None, bad: int, duplicates: int, rate: float) -> None:
    """Raise InputError for options that a school does not use, because its events follow from its roster."""
    given = {"--events": events is not None, "--bad": bad, "--duplicates": duplicates, "--rate": rate}
    if refused := [option for option, is_given in given.items() if is_given]:
        raise InputError(
            f"{', '.join(refused)}: not for a folder, whose events follow from its roster; "
            "name a file, such as events.jsonl, or leave it out"
        )


def is_folder(output: Path) -> bool:
    """Tell whether this names a folder: an existing one, or a new name without an ending."""
    return output.is_dir() or (output != Path("-") and not output.suffix and not output.exists())


def _write_school(folder: Path, school: School, seed: int, *, as_json: bool) -> None:
    happened = happenings(school, seed)
    try:
        write(folder, school, happened)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    if as_json:
        console.print_json({"generated": len(happened)})
    else:
        console.out.print(
            f"{len(happened):,} events before {school.until} in {folder}/events.jsonl, with {folder}/roster",
            markup=False,
            soft_wrap=True,
        )


def mix(lines: Iterable[Line], events: int, bad: int, duplicates: int, seed: int) -> Iterator[Line]:
    """Spread broken and repeated records over the lines, at places that the seed decides."""
    dice = random.Random(seed)  # noqa: S311 - made-up data must be repeatable, not secret
    repeat = _places(dice, events, duplicates)
    broken = _places(dice, events, bad)
    number = 0
    for place, line in enumerate(lines):
        yield line
        for _ in range(repeat.get(place, 0)):
            yield line
        for _ in range(broken.get(place, 0)):
            yield BAD_RECORDS[number % len(BAD_RECORDS)][0], "a faulty producer"
            number += 1


def _places(dice: random.Random, events: int, count: int) -> dict[int, int]:
    places: dict[int, int] = {}
    for _ in range(count if events else 0):
        place = dice.randrange(events)
        places[place] = places.get(place, 0) + 1
    return places


def pace(lines: Iterable[Line], rate: float) -> Iterator[Line]:
    """Yield ``rate`` lines per second."""
    started = time.monotonic()
    for number, line in enumerate(lines):
        ahead = started + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        yield line


def _send(client: "KinesisClient", stream: str, lines: Iterable[Line], total: int) -> int:
    entries = (Entry(data, key) for data, key in lines)
    count = 0
    with console.bar("Publishing", total) as advance:
        for batch in publish(client, stream, entries):
            advance(len(batch))
            count += len(batch)
    return count


def _write(output: Path, lines: Iterable[Line]) -> int:
    count = 0
    with console.opened_for_writing(output) as file:
        for data, _ in lines:
            file.write(data + b"\n")
            count += 1
    return count
