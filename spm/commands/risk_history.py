"""``spm risk history``: how levels of risk changed."""

from operator import attrgetter
from typing import Annotated

import msgspec
import typer

from processor.commands.risk_history import ListedChange, RiskHistory
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.commands.query import Form, print_rows
from spm.terminal import console
from spm.terminal.options import CourseOption, JsonOption, SuffixOption, TargetOption, TeacherOption

COLUMNS = ("changed_at", "course", "student", "from_level", "level", "score", "why")


def command(
    student: Annotated[str | None, typer.Argument(help="Only this student's.", show_default=False)] = None,
    *,
    course: CourseOption = None,
    as_teacher: TeacherOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many changes.")] = 50,
    form: Annotated[Form, typer.Option("--format", help="How to print the changes.")] = Form.TABLE,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List changes of level, newest first, each with the largest reason at that time.

    Example: spm risk history student-0042
    Example: spm risk history --course MATH-101 --format csv
    """
    wanted = RiskHistory(course=course, student=student, as_teacher=as_teacher)
    found = changes(connect(target, suffix).commands, wanted, limit)
    if as_json:
        console.print_json(found)
    elif form is not Form.TABLE:
        print_rows(COLUMNS, [_row(change) for change in found], form)
    elif not found:
        console.err.print("no level has changed")
    else:
        for change in found:
            console.out.print(console.visible(_line(change)), markup=False)
            console.print_below([("", _why(change))])
        if len(found) == limit:
            console.err.print(f"the latest {limit:,} changes; --limit shows more")


def changes(commands: Commands, wanted: RiskHistory, limit: int) -> list[ListedChange]:
    """Return up to ``limit`` changes, page by page."""
    pages = commands.pages(wanted, limit, attrgetter("changes"), by="before")
    return [change for page in pages for change in page.changes]


def _row(change: ListedChange) -> list[object]:
    told = msgspec.to_builtins(change)
    return [*(told[column] for column in COLUMNS[:-1]), _why(change)]


def _line(change: ListedChange) -> str:
    score = "" if change.score is None else f" ({change.score:.2f})"
    levels = f"{change.from_level} → {change.level}{score}"
    return f"{change.changed_at:%Y-%m-%d %H:%M}  {change.student} in {change.course}: {levels}"


def _why(change: ListedChange) -> str:
    if change.score is None:
        return "is no longer in the course"
    return change.reasons[0].sentence if change.reasons else ""
