"""``spm export-student`` writes everything about one student, to hand to that person."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from processor.commands.export_student import ExportStudent, StudentTable
from processor.commands.refresh import Refresh
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.errors import InputError
from spm.exporting.person import files, objects
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption


def command(
    student: Annotated[str, typer.Argument(help="The student's id.")],
    to: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|FILE.zip", help="A new folder or zip file; it must not exist yet."),
    ],
    *,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="The time zone of all times. Default: that of the student's first course.",
            show_default=False,
        ),
    ] = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything about one student into a folder or zip file, in words that this person can read.

    This needs the operators' policy and is noted in the access log. Read rejected.csv before you hand it
    over.

    Example: spm export-student student-0042 for-student-0042.zip
    """
    zone = _zone(time_zone) if time_zone else None
    if to.exists():
        raise InputError(f"{to} exists already: name another one, so that nothing is mixed")
    connection = connect(target, suffix)
    connection.commands.run(Refresh())
    tables = fetched(connection.commands, student)
    if not any(table.rows for table in tables if table.name != "access_log"):
        console.err.print(f"nothing is kept about {console.visible(student)}")
        raise typer.Exit(1)
    made = dict(files(student, tables, datetime.now(UTC), zone or zone_of(tables)))
    _write(to, made)
    rows = {table.name: len(table.rows) for table in tables}
    if as_json:
        console.print_json({"to": str(to), "files": list(made), "rows": rows})
        return
    console.out.print(f"wrote {len(made)} files with {sum(rows.values()):,} lines into {to}")
    if rows["rejected_event"]:
        console.out.print(
            "read rejected.csv before you hand it over: no program could understand what is in it"
        )


def fetched(commands: Commands, student: str) -> Sequence[StudentTable]:
    """Return every table with the student's rows, answer by answer."""
    found: dict[str, StudentTable] = {}
    for table in _answers(commands, ExportStudent(student=student)):
        if table.name in found:
            found[table.name].rows.extend(table.rows)
        else:
            found[table.name] = table
    for table in found.values():
        if table.columns[0].name == "occurred_at":
            table.rows.sort(key=lambda row: datetime.fromisoformat(row[0]))
    return list(found.values())


def zone_of(tables: Sequence[StudentTable]) -> ZoneInfo:
    """Return the time zone of the student's first course, or UTC if the roster names none."""
    enrolled = next(table for table in tables if table.name == "enrolment")
    return _zone(next((str(row["time_zone"]) for row in objects(enrolled, UTC)), "UTC"))


def _answers(commands: Commands, wanted: ExportStudent) -> Iterator[StudentTable]:
    while True:
        answer = commands.run(wanted)
        yield from answer.tables
        if answer.next is None:
            return
        wanted = msgspec.structs.replace(wanted, after=answer.next)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {console.visible(name)}: write one such as Europe/Berlin"
        ) from error


def _write(to: Path, made: Mapping[str, str]) -> None:
    try:
        if to.suffix.lower() == ".zip":
            with zipfile.ZipFile(to, "x", zipfile.ZIP_DEFLATED) as packed:
                for name, text in made.items():
                    packed.writestr(name, text)
            return
        to.mkdir(parents=True)
        for name, text in made.items():
            (to / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror or error}") from error
