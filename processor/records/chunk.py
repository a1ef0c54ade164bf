"""A chunk is what is committed at a time."""

from collections.abc import Iterator
from itertools import count, islice
from typing import Final

from processor.records.kinesis import SLICE, Decoded

# Events and rejections: enough that a commit's cost vanishes, few enough that a large batch makes progress
# that a nearing deadline does not undo.
CHUNK: Final = 5_000


class Chunk:
    """Decoded slices of one source, at most CHUNK events and rejections, which can be read repeatedly.

    Each slice is decoded when it is read for the first time.
    """

    def __init__(self, slices: Iterator[Decoded]) -> None:
        self._coming = islice(slices, CHUNK // SLICE)
        self._decoded: list[Decoded] = []

    def __iter__(self) -> Iterator[Decoded]:
        """Yield the slices, beginning with the first."""
        for position in count():
            if position == len(self._decoded):
                try:
                    self._decoded.append(next(self._coming))
                except StopIteration:
                    return
            yield self._decoded[position]
