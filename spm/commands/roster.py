"""``spm roster``: the courses, due work and people that events are about."""

from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import typer

from processor.commands.roster_check import RosterCheck
from processor.commands.roster_import import RosterImportAnswer
from processor.commands.roster_show import (
    ListedAssessment,
    ListedCourse,
    ListedEnrolment,
    RosterShow,
    RosterShowAnswer,
    RosterTotals,
)
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.commands import roster_except
from spm.errors import InputError
from spm.roster.cells import CellProblem, is_zone
from spm.roster.choices import CourseId, PersonId
from spm.roster.files import contents
from spm.roster.read import read_roster
from spm.roster.roster import Roster
from spm.roster.send import send
from spm.terminal import console
from spm.terminal.options import DryRunOption, JsonOption, SuffixOption, TargetOption

SHOWN: Final = 20
COUNTS: Final = ("new", "changed", "ended", "unchanged")
FINDINGS: Final = {
    "unknown_person": "student not in the roster",
    "without_course": "no course in metadata",
    "unknown_course": "course not in the roster",
    "not_enrolled": "student not in that course",
    "unknown_assessment": "assessment not in the course",
}

app = typer.Typer(help="Import and look at courses, due work and people.", no_args_is_help=True)
app.command(name="except")(roster_except.command)


@app.command(name="import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|ZIP|FILE", help="OneRoster files, or plain tables, as CSV or Excel."),
    ],
    *,
    person_id: Annotated[
        PersonId | None,
        typer.Option(
            help="OneRoster: the id of a user that events carry. Default: sourcedId.", show_default=False
        ),
    ] = None,
    course_id: Annotated[
        CourseId | None,
        typer.Option(
            help="OneRoster: the id of a class that events carry. Default: classSourcedId.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[
        str,
        typer.Option(
            metavar="ZONE", help="The time zone, such as Europe/Berlin, of courses whose files name none."
        ),
    ] = "UTC",
    dry_run: DryRunOption = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a roster as a whole, or nothing if a line is wrong. Importing it again changes nothing.

    It reads OneRoster 1.2 (classes.csv, users.csv, enrollments.csv, lineItems.csv, …)
    or any of courses.csv, assessments.csv, enrolments.csv and people.csv. What they
    do not mention stays as it is.

    Example: spm roster import oneroster.zip --person-id identifier --dry-run
    """
    roster = read_roster(contents(path), person_id, course_id, time_zone)
    refuse(roster.problems, as_json=as_json)
    commands = connect(target, suffix).commands
    total = sum(1 for _ in roster.listed())
    with console.bar("Sending", total) as advance:
        answer = send(commands, roster, advance, dry_run=dry_run)
    refuse(roster.referring_to(answer.unknown_courses), as_json=as_json)
    tell(answer, roster, as_json=as_json)


@app.command()
def show(
    course: Annotated[
        str | None, typer.Argument(help="Show one course with its people and due work.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many rows of each table.")] = 50,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the courses, or one course's assessments and people.

    Example: spm roster show MATH-101 --limit 200
    """
    commands = connect(target, suffix).commands
    found = listed(commands, RosterShow(course=course), limit)
    if course is None:
        if as_json:
            console.print_json({"totals": found.totals, "courses": found.courses})
        else:
            _print_courses(found.totals, found.courses)
        return
    if not found.courses:
        raise InputError(f"there is no course {course}: see `spm roster show`")
    assessments = listed(commands, RosterShow(table="assessments", course=course), limit).assessments
    people = listed(commands, RosterShow(table="enrolments", course=course), limit).enrolments
    if as_json:
        console.print_json({"course": found.courses[0], "assessments": assessments, "enrolments": people})
        return
    _print_course(found.courses[0], assessments, people)
    if len(people) == limit:
        console.err.print(f"the first {limit:,} people; --limit shows more")


@app.command()
def check(
    *,
    events: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many of each shard's newest events to look at.")
    ] = 100_000,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many of the newest events have no person, course or assessment in the roster.

    The exit code is 1 if students or courses are missing. Often the ids are those of another system; then use
    --person-id and --course-id of `spm roster import`.

    Example: spm roster check --events 10000
    """
    answer = connect(target, suffix).commands.run(RosterCheck(events=events))
    findings = answer.findings
    if as_json:
        console.print_json(answer)
    else:
        console.out.print(f"looked at {answer.events:,} events of {answer.students:,} students")
        console.print_table(
            ["events with", "events", "ids", "for example"],
            (
                [told, findings[name].events, findings[name].ids, ", ".join(findings[name].examples)]
                for name, told in FINDINGS.items()
            ),
        )
    if findings["unknown_person"].events or findings["unknown_course"].events:
        raise typer.Exit(1)


def refuse(problems: list[CellProblem], *, as_json: bool) -> None:
    """Name the first problems and raise InputError. Return if there are none."""
    if not problems:
        return
    if as_json:
        console.print_json({"applied": False, "problems": [problem._asdict() for problem in problems]})
    for problem in problems[:SHOWN]:
        console.err.print(str(problem), markup=False, soft_wrap=True)
    more = f", the first {SHOWN} of them above" if len(problems) > SHOWN else ""
    plural = "" if len(problems) == 1 else "s"
    raise InputError(f"nothing was imported: {len(problems):,} problem{plural}{more}")


def tell(answer: RosterImportAnswer, roster: Roster, *, as_json: bool) -> None:
    """Print what an import changed, and what it left out."""
    if as_json:
        console.print_json({"applied": answer.applied, "tables": answer.tables, "left_out": roster.left_out})
        return
    console.print_table(
        ["", *COUNTS],
        ([name, *(getattr(table, count) for count in COUNTS)] for name, table in answer.tables.items()),
    )
    for what, count in sorted(roster.left_out.items()):
        times = f" ({count:,})" if count > 1 else ""
        console.err.print(f"left out: {what}{times}", markup=False, soft_wrap=True)
    console.out.print("imported" if answer.applied else "nothing was changed: this was a dry run")


def listed(commands: Commands, table: RosterShow, limit: int) -> RosterShowAnswer:
    """Return up to ``limit`` rows of a table, page by page."""
    of = attrgetter(table.table)
    pages = list(commands.pages(table, limit, of, by="after"))
    return msgspec.structs.replace(pages[-1], **{table.table: [row for page in pages for row in of(page)]})


def _print_courses(totals: RosterTotals, courses: list[ListedCourse]) -> None:
    told = ("courses", "assessments", "students", "teachers")
    console.out.print(", ".join(f"{getattr(totals, name):,} {name}" for name in told))
    columns = ("id", "title", "ends", "students", "teachers")
    console.print_table(
        (*columns, "due work"),
        ([*(getattr(course, column) for column in columns), course.assessments] for course in courses),
    )
    _tell_if_more("courses", len(courses), totals.courses)


def _print_course(
    course: ListedCourse, assessments: list[ListedAssessment], people: list[ListedEnrolment]
) -> None:
    for name, value in msgspec.structs.asdict(course).items():
        console.out.print(f"{name:<12} {console.cell(value)}", markup=False, soft_wrap=True)
    zone = course.time_zone
    console.print_table(
        ["id", "title", f"due ({zone})", "maximum", "counts"],
        (
            [row.id, row.title, _local(row.due_at, zone), row.max_score, _yes(row.counts)]
            for row in assessments
        ),
    )
    columns = ("role", "person", "display_name", "begins", "ends")
    console.print_table(columns, ([getattr(row, column) for column in columns] for row in people))
    _tell_if_more("assessments", len(assessments), course.assessments)


def _local(moment: datetime | None, zone: str) -> str:
    """Return a time as the course's people see it, or in UTC if this machine does not know their zone."""
    if moment is None:
        return ""
    known = is_zone(zone)
    local = moment.astimezone(ZoneInfo(zone) if known else UTC)
    return f"{local:%Y-%m-%d %H:%M}{'' if known else ' UTC'}"


def _yes(flag: bool) -> str:  # noqa: FBT001 - the flag is the value
    return "yes" if flag else "no"


def _tell_if_more(what: str, shown: int, total: int) -> None:
    if shown < total:
        console.err.print(f"{shown:,} of {total:,} {what}; --limit shows more")
