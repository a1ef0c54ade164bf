"""Read rejected records page by page, as the operations function answers them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from processor.commands.quarantine import RejectedRow
from processor.commands.redrive import Redrive, RedriveAnswer
from processor.commands.rejected import Rejected
from spm.aws.commands import Commands
from spm.errors import InputError

PAGE: Final = 200
"""Payloads may be large, and an answer holds at most 6 MB."""


def pages(commands: Commands, chosen: Rejected, limit: int | None) -> Iterator[RejectedRow]:
    """Yield rejected records page by page, at most ``limit`` of them."""
    left = limit
    after: str | None = None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        answer = commands.run(msgspec.structs.replace(chosen, after=after, limit=size))
        yield from answer.rejected
        after = answer.next
        if after is None:
            return
        left = None if left is None else left - len(answer.rejected)


def redriven(commands: Commands, chosen: Redrive) -> Iterator[RedriveAnswer]:
    """Redrive page by page, and yield what became of each."""
    after: str | None = None
    while True:
        answer = commands.run(msgspec.structs.replace(chosen, after=after, limit=PAGE))
        yield answer
        after = answer.next
        if after is None:
            return


def named(text: str) -> dict[str, Any]:
    """Return the members that choose the record of this name. Raise InputError if it is none."""
    number, _, part = text.partition("/")
    if part and not (part.isascii() and part.isdigit()):
        raise InputError(
            f"{text} is not the number of a rejected record: write it as `spm rejected list` does"
        )
    return {"sequence_number": number, "sub_sequence": int(part or 0)}
