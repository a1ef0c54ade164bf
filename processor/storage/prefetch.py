"""Does the next piece of work while somebody else works on the previous one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """The items of an iterator, in order. Each is made when it is asked for or, after ``soon``, earlier.

    Whatever making an item raises is raised when the item is asked for.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._ahead: list[T] = []
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        """Return itself, because each item is given once."""
        return self

    def __next__(self) -> T:
        """Return the next item, at once if it has been made already."""
        if self._ahead:
            return self._ahead.pop()
        if self._failure:
            raise self._failure
        return next(self._items)

    def soon(self) -> None:
        """Make the next item as soon as the event loop has nothing else to do."""
        asyncio.get_running_loop().call_soon(self._make)

    async def while_reading(self, data: bytes) -> AsyncIterator[bytes]:
        """Yield the data to its reader, and make the next item when they are on their way."""
        yield data
        self.soon()

    def _make(self) -> None:
        if self._ahead or self._failure:
            return
        try:
            self._ahead = [next(self._items)]
        except StopIteration:
            pass
        except Exception as failure:  # noqa: BLE001 - kept for whoever asks for the item
            self._failure = failure
