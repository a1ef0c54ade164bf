"""``spm risk``: who is at risk in which course, and why (docs/risk.md)."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from processor.commands.follow_up import FollowUp, FollowUps
from processor.commands.risk_flags import Flag, RiskFlags
from processor.commands.risk_list import ListedRisk, RiskList
from spm.audit import GroupFigures, LevelFigures, audit, read_outcomes
from spm.aws.commands import MOST_OF_A_PAGE, Commands
from spm.aws.target import connect
from spm.commands import followup, risk_history, risk_rules
from spm.commands.query import Form, print_rows
from spm.risks import listed
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption, TeacherOption

COLUMNS: Final = ("course", "student", "level", "score", "since", "why")

app = typer.Typer(help="Show who is at risk in which course, and why.", no_args_is_help=True)
app.command(name="history")(risk_history.command)
app.add_typer(risk_rules.app, name="rules")


class Level(StrEnum):
    """The lowest level to list."""

    NONE = "none"
    ELEVATED = "elevated"
    HIGH = "high"


@app.command(name="list")
def list_(
    *,
    course: Annotated[str | None, typer.Option(help="Only this course.", show_default=False)] = None,
    level: Annotated[Level, typer.Option(help="The lowest level to list.")] = Level.ELEVATED,
    as_teacher: TeacherOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many students.")] = 50,
    form: Annotated[Form, typer.Option("--format", help="How to print the students.")] = Form.TABLE,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List students at risk, the highest score first, each with the largest reason.

    Example: spm risk list --course MATH-101 --level high
    """
    wanted = RiskList(course=course, level=level.value, as_teacher=as_teacher)
    found = listed(connect(target, suffix).commands, wanted, limit)
    if as_json:
        console.print_json(found)
    elif form is not Form.TABLE:
        print_rows(COLUMNS, [_row(row) for row in found], form)
    elif not found:
        console.err.print("nobody is at such a level of risk")
    else:
        console.print_table(
            ["course", "student", "level", "score", "why"],
            ([row.course, row.student, row.level, f"{row.score:.2f}", _first(row)] for row in found),
        )
        if len(found) == limit:
            console.err.print(f"the first {limit:,} students; --limit shows more")


@app.command()
def show(
    student: Annotated[str, typer.Argument(help="Whose risk.")],
    *,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a student's risk in each course with every reason, and who talked to the student.

    Example: spm risk show student-0042
    """
    wanted = RiskList(student=student, level=Level.NONE.value)
    commands = connect(target, suffix).commands
    found = listed(commands, wanted, MOST_OF_A_PAGE)
    talks = followup.listed(commands, FollowUps(student=student), MOST_OF_A_PAGE).follow_ups
    if as_json:
        console.print_json([_with_talks(row, talks) for row in found])
        return
    if not found:
        console.err.print(f"{console.visible(student)} is enrolled in no course that was evaluated")
        raise typer.Exit(1)
    for row in found:
        since = console.moment(row.since)
        line = f"{row.course}: {row.level} ({row.score:.2f}) since {since}"
        console.out.print(console.visible(line), markup=False)
        console.print_below((f"{reason.adds:.2f}", reason.sentence) for reason in row.reasons)
        for talk in _of(row, talks):
            console.print_below([("talk", f"{console.moment(talk.followed_up_at)}, {talk.who}: {talk.note}")])


@app.command(name="audit")
def audit_(
    *,
    outcomes: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="A table with the columns course, student and outcome; other columns are groups.",
        ),
    ],
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare who was at risk with how courses ended: precision, recall and lead time, also by group.

    Example: spm risk audit --outcomes results.csv
    """
    rows = read_outcomes(outcomes)
    report = audit(rows, flags(connect(target, suffix).commands))
    if as_json:
        console.print_json(report)
        return
    every = GroupFigures("all", "", report.elevated, report.high)
    console.print_table(
        ["students", "at least", "all", "failed", "flagged", "precision", "recall", "lead days"],
        [
            _audited(of, level, figures)
            for of in (every, *report.groups)
            for level, figures in (("elevated", of.elevated), ("high", of.high))
        ],
    )
    for column, count in report.hidden.items():
        console.err.print(
            f"{column}: {console.counted(count, 'group')} hidden, to protect fewer than 10 students"
        )


def _audited(of: GroupFigures, level: str, figures: LevelFigures) -> list[object]:
    return [
        f"{of.column} {of.value}".strip(),
        level,
        figures.students,
        figures.failed,
        figures.flagged,
        _share(figures.precision),
        _share(figures.recall),
        figures.lead_days,
    ]


def flags(commands: Commands) -> Iterator[Flag]:
    """Yield everybody who was ever at risk, page by page."""
    after: tuple[str, str] | None = ("", "")
    while after is not None:
        answer = commands.run(RiskFlags(after=after))
        yield from answer.flags
        after = answer.next


def _of(row: ListedRisk, talks: Sequence[FollowUp]) -> list[FollowUp]:
    return [talk for talk in talks if talk.course == row.course]


def _with_talks(row: ListedRisk, talks: Sequence[FollowUp]) -> dict[str, object]:
    return {**msgspec.to_builtins(row), "follow_ups": msgspec.to_builtins(_of(row, talks))}


def _row(row: ListedRisk) -> list[object]:
    told = msgspec.to_builtins(row)
    return [*(told[column] for column in COLUMNS[:-1]), _first(row)]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _first(row: ListedRisk) -> str:
    return row.reasons[0].sentence if row.reasons else ""
