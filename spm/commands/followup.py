"""``spm followup``: who talked to which student, and how many of those at risk somebody talked to."""

from operator import attrgetter
from typing import Annotated

import msgspec
import typer

from processor.commands.follow_up import LONGEST_NOTE, AddFollowUp, FollowUps, FollowUpsAnswer
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import CourseOption, JsonOption, StudentOption, SuffixOption, TargetOption

app = typer.Typer(
    help="Note who talked to a student at risk, and see how often somebody does.", no_args_is_help=True
)


@app.command()
def add(
    student: Annotated[str, typer.Argument(help="The student somebody talked to.")],
    *,
    course: Annotated[str, typer.Option(help="About which course.")],
    note: Annotated[str, typer.Option(help="What was said or agreed, in a sentence or two.")],
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that you talked to a student. Nobody can change or remove the note afterwards.

    Example: spm followup add student-0042 --course MATH-101 --note "Called; hands in the essay on Friday"
    """
    if not note.strip() or len(note) > LONGEST_NOTE:
        raise InputError(f"--note has {len(note):,} characters: write 1 to {LONGEST_NOTE:,}")
    answer = connect(target, suffix).commands.run(AddFollowUp(course=course, student=student, note=note))
    if as_json:
        console.print_json(answer)
    else:
        console.out.print(f"noted for {console.visible(student)} in {console.visible(course)}")


@app.command(name="list")
def list_(
    *,
    course: CourseOption = None,
    student: StudentOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = 50,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List follow-ups, newest first, and how many of the students at risk had one within a week.

    Example: spm followup list --course MATH-101
    """
    found = listed(connect(target, suffix).commands, FollowUps(course=course, student=student), limit)
    if as_json:
        console.print_json({"follow_ups": found.follow_ups, "share": found.share})
        return
    if found.follow_ups:
        console.print_table(
            ["when", "who", "course", "student", "note"],
            (
                [console.moment(f.followed_up_at), f.who, f.course, f.student, f.note]
                for f in found.follow_ups
            ),
        )
    else:
        console.err.print("no follow-up has been noted")
    console.out.print(told(found))


def listed(commands: Commands, wanted: FollowUps, limit: int) -> FollowUpsAnswer:
    """Return up to ``limit`` follow-ups, page by page."""
    pages = list(commands.pages(wanted, limit, attrgetter("follow_ups")))
    return msgspec.structs.replace(pages[-1], follow_ups=[row for page in pages for row in page.follow_ups])


def told(found: FollowUpsAnswer) -> str:
    """Say in a sentence how many of those who were flagged had a follow-up."""
    share = found.share
    if not share.flagged:
        return "nobody came to be at risk a week ago or earlier"
    times = console.counted(share.flagged, "time")
    return (
        f"a student came to be at risk {times} (a week ago or earlier); {share.followed_up:,} of these were "
        f"followed up within a week ({100 * share.followed_up / share.flagged:.0f} %)"
    )
