"""``spm roster except``: excuse one student from a piece of work, or give another due date."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from processor.commands.roster_except import RosterExcept, WorkException
from spm.aws.target import connect
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption, rfc3339


def command(
    course: Annotated[str, typer.Argument(help="The course.")],
    assessment: Annotated[str, typer.Argument(help="The piece of work.")],
    student: Annotated[str, typer.Argument(help="The student.")],
    *,
    excused: Annotated[
        bool, typer.Option("--excused", help="The student does not have to hand it in.")
    ] = False,
    due: Annotated[
        datetime | None,
        typer.Option(
            "--due", parser=rfc3339, metavar="TIME", help="The student's due date.", show_default=False
        ),
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="End the exception.")] = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Excuse a student from a piece of work, or give more time. Risk and pages follow it.

    Example: spm roster except MATH-101 A3 student-0042 --excused
    Example: spm roster except MATH-101 A3 student-0042 --due 2026-12-01T18:00:00+01:00
    Example: spm roster except MATH-101 A3 student-0042 --lift
    """
    if excused + lift + (due is not None) != 1:
        raise typer.BadParameter("give one of --excused, --due and --lift")
    wanted = RosterExcept(
        course=course,
        assessment=assessment,
        student=student,
        word="excused" if excused else "lift" if lift else "due",
        due_at=due,
    )
    answer = connect(target, suffix).commands.run(wanted)
    if as_json:
        console.print_json(answer)
        return
    console.out.print(
        f"{assessment} of {course} for {student}: {_told(answer.now)}; before: {_told(answer.before)}"
    )
    console.out.print("The course is evaluated again within a minute.")


def _told(stands: WorkException | None) -> str:
    if stands is None:
        return "as for everybody"
    if stands.excused:
        return "excused"
    return f"due {console.moment(stands.due_at and stands.due_at.astimezone(UTC))}"
