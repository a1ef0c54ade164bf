"""``spm access-log``: who saw whom, when, and by which command or page."""

from operator import attrgetter
from typing import Annotated

import typer

from processor.commands.access_log import AccessLog, Look
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.terminal import console
from spm.terminal.options import (
    CourseOption,
    JsonOption,
    SinceOption,
    StudentOption,
    SuffixOption,
    TargetOption,
    UntilOption,
)


def command(
    *,
    student: StudentOption = None,
    course: CourseOption = None,
    who: Annotated[
        str | None,
        typer.Option(help="Only this caller, written as the list shows it.", show_default=False),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who saw which student or course, when, and by which command or page, newest first.

    Reading this list for one student or one course is noted, too.

    Example: spm access-log --student student-0042 --since 2026-11-01
    """
    wanted = AccessLog(student=student, course=course, by=who, since=since, until=until)
    looks = listed(connect(target, suffix).commands, wanted, limit)
    if as_json:
        console.print_json(looks)
    elif not looks:
        console.err.print("nobody looked, as far as these options show")
    else:
        console.print_table(["when", "who", "by", "student", "course"], map(_row, looks))
        if len(looks) == limit:
            console.err.print(f"the newest {limit:,}; --limit shows more")


def listed(commands: Commands, wanted: AccessLog, limit: int) -> list[Look]:
    """Return up to ``limit`` looks, page by page."""
    pages = commands.pages(wanted, limit, attrgetter("looks"), by="before")
    return [look for page in pages for look in page.looks]


def _row(look: Look) -> list[str]:
    return [
        console.moment(look.accessed_at),
        look.who,
        look.command,
        look.student_id or "",
        look.course or "",
    ]
