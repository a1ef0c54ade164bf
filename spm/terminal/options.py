"""Options that many commands share."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from spm.target import Target
from spm.terminal.console import visible


def rfc3339(text: str) -> datetime:
    """Read a time with its offset, or a day, which begins in UTC. Typer shows what is raised."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{visible(text)} is not a time: write one such as 2026-09-01T08:00:00Z, "
            "or a day such as 2026-09-01"
        ) from error
    if moment.tzinfo is None and text == moment.date().isoformat():
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{visible(text)} has no offset: write {moment.isoformat()}Z for UTC")
    return moment


SuffixOption = Annotated[
    str | None,
    typer.Option(
        "--suffix", help="The environment: stack StudentPerformance-SUFFIX. Default: dev.", show_default=False
    ),
]
TargetOption = Annotated[
    Target | None,
    typer.Option(
        "--target",
        help="Where the stack is. Default: AWS_ENDPOINT_URL if set, a running `spm local`, else AWS.",
        show_default=False,
    ),
]
PipelineOption = Annotated[
    str | None,
    typer.Option(
        "--pipeline", help="The pipeline's name. Default: the first that is deployed.", show_default=False
    ),
]
FreshOption = Annotated[
    bool,
    typer.Option(
        "--fresh", help="First include what was stored since the last compaction; needs operators' rights."
    ),
]
StudentOption = Annotated[str | None, typer.Option("--student", help="Only this student.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only events of this type.")]
CourseOption = Annotated[str | None, typer.Option("--course", help="Only this course.")]
TeacherOption = Annotated[
    str | None,
    typer.Option(
        "--as-teacher",
        metavar="PERSON",
        help="Only what this teacher in the roster may see.",
        show_default=False,
    ),
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        parser=rfc3339,
        metavar="TIME",
        help="Only what happened at this time or later.",
        show_default=False,
    ),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        parser=rfc3339,
        metavar="TIME",
        help="Only what happened before this time.",
        show_default=False,
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help="Only what has this value in one of the pipeline's filters. It can be repeated.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]


def day(text: str) -> date:
    """Read a day. Typer shows what is raised."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{visible(text)} is not a day: write one such as 2026-11-24") from error


def month(text: str) -> str:
    """Return a month as the operations function takes it. Raise BadParameter if it is none."""
    try:
        return datetime.strptime(text, "%Y-%m").strftime("%Y-%m")  # noqa: DTZ007 - a month, not a moment
    except ValueError as error:
        raise typer.BadParameter(f"{visible(text)} is not a month: write one such as 2025-09") from error


def narrowed(
    student: str | None,
    event_type: str | None,
    course: str | None,
    where: list[str] | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, str]:
    """Return the parameters of a report. Raise BadParameter for one that is not NAME=VALUE."""
    times = {name: time.isoformat() for name, time in (("since", since), ("until", until)) if time}
    given = {"student_id": student, "event_type": event_type, "course": course, **times}
    parameters = {name: value for name, value in given.items() if value is not None}
    for text in where or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--where {visible(text)}: write NAME=VALUE")
        parameters[name] = value
    return parameters
