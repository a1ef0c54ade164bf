"""``spm course``: who needs attention in one course, how its work is done, and when people work."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
import typer

from processor.commands.course import ShowCourse
from processor.commands.refresh import Refresh
from processor.insight.answers import CoursePage, Work
from spm.aws.target import connect
from spm.terminal import console
from spm.terminal.options import FreshOption, JsonOption, SuffixOption, TargetOption, TeacherOption, rfc3339
from spm.terminal.plot import sparkline

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at", parser=rfc3339, metavar="TIME", help="Show the course as of this time. Default: now."
    ),
]


def command(
    course: Annotated[str, typer.Argument(help="The course's id, as events name it.")],
    *,
    at: AtOption = None,
    fresh: FreshOption = False,
    as_teacher: TeacherOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one course: students who need attention, scores of each piece of work, activity by hour.

    Example: spm course MATH-101
    """
    asked = ShowCourse(course=course, at=at, as_teacher=as_teacher)
    commands = connect(target, suffix).commands
    if fresh:
        commands.run(Refresh())
    answer = commands.run(asked)
    if as_json:
        console.print_json(msgspec.to_builtins(answer))
        return
    console.out.print(f"{answer.id} {answer.title}, as of {console.moment(answer.as_of)}")
    console.out.print(f"{console.counted(answer.students, 'student')}, {answer.active:,} active in 7 days")
    _print_attention(answer)
    _print_work(answer.work)
    _print_hours(answer.hours, answer.time_zone)


def _print_attention(answer: CoursePage) -> None:
    if not answer.attention:
        console.out.print("\nNobody needs attention.")
        return
    console.out.print(f"\n{console.counted(len(answer.attention), 'student')} may need attention:")
    console.print_table(
        ["student", "level", "score", "since", "why"],
        (
            [
                one.student,
                one.level,
                f"{one.score:.2f}",
                f"{one.since:%Y-%m-%d}",
                " ".join(reason.sentence for reason in one.reasons),
            ]
            for one in answer.attention
        ),
    )


def _print_work(work: list[Work]) -> None:
    if not work:
        return
    console.out.print("\nWork, with scores from 0 to 100 % in steps of ten:")
    console.print_table(
        ["work", "due", "handed in", "late", "median", "scores"],
        (
            [
                one.id,
                f"{one.due_at:%Y-%m-%d}" if one.due_at else "",
                f"{one.handed_in} of {one.of}",
                one.late,
                "" if one.median is None else f"{one.median:.0f} %",
                sparkline(one.bins, 10, max(one.bins) or 1),
            ]
            for one in work
        ),
    )


def _print_hours(hours: list[list[int]], zone: str) -> None:
    most = max(max(row) for row in hours)
    if not most:
        return
    console.out.print(f"\nEvents by weekday and hour, in the time of {zone}; at most {most:,}:")
    console.out.print("     0     6     12    18")
    for name, row in zip(WEEKDAYS, hours, strict=True):
        console.out.print(f"{name}  {sparkline(row, 24, most)}  {sum(row):,}")
