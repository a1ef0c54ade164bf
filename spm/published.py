"""What a person sees of a publish: bad lines, a bar, where it stopped, and what was done."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from spm.errors import InputError
from spm.publishing.bad import BadRecord
from spm.publishing.preview import Preview
from spm.publishing.progress import ProgressFile
from spm.terminal import console

BAD_NAMED: Final = 20


@dataclass
class Published:
    """What became of the input. ``resumed_after`` records were in the stream before.

    ``without_id`` counts records that hold no event_id and cannot be given one, because they are not JSON
    objects. ``of_dropped_months`` counts events that happened in months which retention has dropped.
    """

    published: int = 0
    bad: int = 0
    resumed_after: int = 0
    without_id: int = 0
    of_dropped_months: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def bad_of(self, unit: str) -> Callable[[BadRecord], None]:
        """Return a function that counts a bad record, and names it if it is one of the first."""

        def note(record: BadRecord) -> None:
            self.bad += 1
            self.reasons[record.reason] = self.reasons.get(record.reason, 0) + 1
            if self.bad <= BAD_NAMED:
                detail = console.visible(record.detail)
                console.err.print(f"{unit} {record.line}: {record.reason}: {detail}", soft_wrap=True)

        return note

    def name_the_rest(self) -> None:
        """Say that there are more bad records than those that were named."""
        if self.bad > BAD_NAMED:
            console.err.print(f"… and {self.bad - BAD_NAMED:,} more: --dry-run groups them by what is wrong")

    def note_without_id(self) -> None:
        """Count a record that stays without an identity."""
        self.without_id += 1


def stop_at_bad(unit: str) -> Callable[[BadRecord], None]:
    """Stop at the first bad line, because a pipe cannot be checked before it is published."""

    def stop(record: BadRecord) -> None:
        raise InputError(f"{unit} {record.line}: {record.reason}: {record.detail}")

    return stop


def file_bar(source: io.BufferedReader) -> AbstractContextManager[Callable[[int], None]]:
    """Yield a bar that shows how much of the file has been read. Nobody knows this about a pipe."""
    if not source.seekable():
        return console.bar("Publishing", None)
    size = os.fstat(source.fileno()).st_size
    return console.bar("Publishing", size, lambda: size if source.closed else source.raw.tell())


@contextmanager
def told_where_it_stopped(receipt: Published, progress: ProgressFile | None) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, say how far the publish got and how to continue."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        how = (
            "the same command continues from there"
            if progress
            else "what is published again with a time or an event_id is not stored twice"
        )
        console.err.print(f"interrupted after {receipt.resumed_after + receipt.published:,} records: {how}")
        raise


def show_preview(looked: tuple[str, Preview], *, as_json: bool) -> int:
    """Print what would be stored and what would be left out, and return how many would be left out."""
    unit, seen = looked
    if as_json:
        console.print_json(seen.as_json())
        return seen.bad
    if seen.events:
        console.out.print("The first events as they would be stored:")
        shown = [column for column in seen.events[0] if column != "event_id"]
        console.print_table(shown, ([_as_stored(event, column) for column in shown] for event in seen.events))
    for kind in seen.kinds.values():
        first = kind.first
        console.out.print(f"{console.counted(kind.count, f'bad {unit}')}: {console.visible(first.kind)}")
        found = "" if first.value is None else f': "{console.visible(first.value)}"'
        console.out.print(f"  first in {unit} {first.line}{found}", soft_wrap=True)
        if first.right is not None:
            console.out.print(f'  right would be: "{first.right}"', soft_wrap=True)
    console.out.print(f"good {seen.good:,}, bad {seen.bad:,}; nothing was published")
    return seen.bad


def _as_stored(event: dict[str, Any], column: str) -> object:
    value = event[column]
    if isinstance(value, dict):
        return console.pairs(value)
    if isinstance(value, float):
        return console.exact(value)
    return console.moment(value) if column == "occurred_at" else value


def show_published(receipt: Published, *, as_json: bool) -> int:
    """Print what was done, and return how many were left out."""
    receipt.name_the_rest()
    if receipt.without_id:
        console.err.print(
            f"{receipt.without_id:,} records are not JSON objects and hold no event_id: "
            "if they are published again, they are stored again",
            soft_wrap=True,
        )
    if as_json:
        console.print_json(asdict(receipt))
    else:
        console.out.print(f"published {receipt.published:,}, bad and left out {receipt.bad:,}")
    return receipt.bad
