"""``spm logs``: what the stack's functions write into their logs."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Annotated, Final

import typer

from spm.aws.logs import Line, written
from spm.aws.stack import Aws, Stack
from spm.aws.target import connect
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption, rfc3339

POLL_SECONDS: Final = 2.0
OVERLAP_MS: Final = 10_000
"""CloudWatch shows lines later than they were written, so each look reaches back before the previous one."""


def command(
    function: Annotated[
        str | None, typer.Argument(help="processor, operations, … Default: all functions of the stack.")
    ] = None,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=rfc3339,
            metavar="TIME",
            help="Show what was written at this time or later. Default: 15 minutes ago.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep showing new lines until Ctrl-C.")
    ] = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the logs of the stack's functions, oldest lines first.

    Example: spm logs processor --follow
    Example: spm logs --since 2026-09-01T08:00:00Z
    """
    connection = connect(target, suffix)
    functions = chosen(functions_of(connection.aws, connection.stack), function)
    start = since or datetime.now(UTC) - timedelta(minutes=15)
    for line in lines(connection.aws, functions, start, follow=follow):
        if as_json:
            console.print_json(line._asdict())
        else:
            console.out.print(shown(line), soft_wrap=True)


def functions_of(aws: Aws, stack: Stack) -> list[str]:
    """Return the names of the stack's functions."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    return sorted(
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    )


def chosen(functions: Sequence[str], wanted: str | None) -> list[str]:
    """Return the functions of that name, short or whole, or raise InputError if there are none."""
    found = [name for name in functions if wanted is None or wanted == name or f"-{wanted}-" in name]
    if not found:
        raise InputError(f"the stack has no function {wanted}: it has {', '.join(functions)}")
    return found


def lines(aws: Aws, functions: Sequence[str], since: datetime, *, follow: bool) -> Iterator[Line]:
    """Yield what was written since a time, each line once, and with ``follow`` what is written later."""
    start = int(since.timestamp() * 1000)
    seen: set[Line] = set()
    while True:
        found = [line for name in functions for line in written(aws, name, start)]
        found.sort(key=attrgetter("timestamp"))
        yield from (line for line in found if line not in seen)
        if not follow:
            return
        if found:
            start = max(start, found[-1].timestamp - OVERLAP_MS)
        seen = set(found)
        time.sleep(POLL_SECONDS)


def shown(line: Line) -> str:
    """Return one line of a log as one line of the terminal."""
    moment = datetime.fromtimestamp(line.timestamp / 1000, UTC)
    message = line.message.rstrip().replace("\t", "  ")
    return f"{moment:%Y-%m-%d %H:%M:%S}  {line.function}  {console.visible(message)}"
