"""``spm tail``: events as they are stored."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from processor.commands.query import Query
from spm.aws.target import Connection, connect
from spm.terminal import console
from spm.terminal.options import (
    CourseOption,
    JsonOption,
    PipelineOption,
    StudentOption,
    SuffixOption,
    TargetOption,
    TypeOption,
    WhereOption,
    narrowed,
)

PAGE: Final = 10_000
MOST_LINES: Final = 1_000
POLL_SECONDS: Final = 1.0
NATIVE: Final = {"student_id", "event_type", "score", "metadata"}
NOT_SHOWN: Final = ("occurred_at", "stored_at", "shard_id", "sequence_number", "sub_sequence")
OVERLAP: Final = timedelta(seconds=10)
"""Transactions commit in another order than they start, so each look reaches back before the previous one."""


def command(
    *,
    student: StudentOption = None,
    event_type: TypeOption = None,
    course: CourseOption = None,
    where: WhereOption = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=MOST_LINES, help="Show this many older events first.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Keep showing new events until Ctrl-C.")
    ] = True,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show events as they are stored, one line each.

    Example: spm tail --course MATH-101 --type quiz_score
    Example: spm tail --no-follow -n 100 --json
    """
    parameters = narrowed(student, event_type, course, where)
    connection = connect(target, suffix, pipeline)
    for event in events(connection, parameters, lines, follow=follow):
        if as_json:
            console.print_json(event)
        else:
            console.out.print(line(event), soft_wrap=True)


def events(
    connection: Connection, parameters: dict[str, Any], lines: int, *, follow: bool
) -> Iterator[dict[str, Any]]:
    """Yield the newest events, oldest first, then each event that is stored from now on, once."""
    first = page(connection, parameters, max(1, lines))
    yield from first[-lines:] if lines else []
    newest = first[-1]["stored_at"] if first else None
    # Everything that was stored before the start is old, whether it was shown or not.
    shown = {identity(event) for event in recent_events(connection, parameters, newest)}
    while follow:
        time.sleep(POLL_SECONDS)
        recent = recent_events(connection, parameters, newest)
        if len(recent) == PAGE and identity(recent[0]) not in shown:
            console.err.print(
                "… more events are stored than can be shown: choose fewer with options such as --student"
            )
        for event in recent:
            if identity(event) not in shown:
                yield event
        shown = {identity(event) for event in recent}
        newest = recent[-1]["stored_at"] if recent else newest


def recent_events(
    connection: Connection, parameters: dict[str, Any], newest: str | None
) -> list[dict[str, Any]]:
    """Return what was stored since a little before ``newest``, or everything if there is none."""
    since = (datetime.fromisoformat(newest) - OVERLAP).isoformat() if newest else None
    return page(connection, parameters | {"stored_since": since}, PAGE)


def page(connection: Connection, parameters: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Return the newest events, oldest first, as objects."""
    answer = connection.commands.report(
        Query("tail", parameters, limit=limit, pipeline=connection.stack.pipeline.name)
    )
    return [dict(zip(answer.columns, row, strict=True)) for row in reversed(answer.rows)]


def identity(event: dict[str, Any]) -> tuple[str, str, int]:
    """Return what distinguishes a stored event from every other."""
    return event["shard_id"], event["sequence_number"], event["sub_sequence"]


def line(event: dict[str, Any]) -> str:
    """Return one event as one line, with the columns' names if they are not those of a native event."""
    if not event.keys() >= NATIVE:
        shown = {name: value for name, value in event.items() if name not in NOT_SHOWN}
        return f"{console.moment(event['occurred_at'])}  {console.pairs(shown)}"
    student, event_type = console.visible(event["student_id"]), console.visible(event["event_type"])
    return (
        f"{console.moment(event['occurred_at'])}  {student:<16} {event_type:<14} "
        f"{console.exact(event['score']):>6}  {console.pairs(event['metadata'])}"
    ).rstrip()
