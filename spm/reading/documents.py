"""Cuts JSON lines and JSON arrays into records without parsing them, which is left to the validation."""

import io
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from spm.errors import InputError
from spm.reading.source import CHUNK, Content, as_text

LONGEST_ELEMENT: Final = 1 << 22
TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)
"""What can begin or end an element: a whole string, a quotation mark without its end, or a bracket."""

OPENING: Final = frozenset("[{")
ENDS_OF_ELEMENTS: Final = frozenset("],")


class Record(Struct, frozen=True, gc=False):
    """One record as it will be sent. ``line`` is where it starts, or its position in an array, from 1."""

    line: int
    data: bytes


def lines(content: Content, encoding: str) -> Iterator[Record]:
    """Yield each line that is not blank. Its bytes stay as they are if they are UTF-8."""
    encoded = _encoded_again(content, encoding) if encoding.startswith("utf-16") else iter(content)
    for number, line in enumerate(encoded, start=1):
        data = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if data:
            yield Record(number, data)


def _encoded_again(content: Content, encoding: str) -> Iterator[bytes]:
    with as_text(content, encoding) as text:
        for line in text:
            yield line.encode()


def elements(text: io.TextIOBase) -> Iterator[Record]:
    """Yield the elements of an array, and of the arrays that follow it, by their brackets and commas alone.

    An element does not have to be JSON: only the brackets have to match. Raises InputError if an array does
    not end, or if something else follows it.
    """
    window = _Window(text)
    depth, number = 0, 1
    while kind := window.next():
        if depth == 0:
            if kind != "[" or window.before():
                break
            window.begin()
        elif depth == 1 and kind in ENDS_OF_ELEMENTS:
            if element := window.before():
                yield Record(number, element.encode(errors="surrogateescape"))
                number += 1
            window.begin()
        depth += _deeper(kind, depth)
    if depth:
        raise InputError(f"the array does not end: it is cut off at element {number}")
    if window.rest():
        raise InputError(f"after element {number - 1} the array ends, and what follows is not another array")


def _deeper(kind: str, depth: int) -> int:
    """Return how much a token changes the depth. A brace cannot end the array itself."""
    if kind in OPENING:
        return 1
    return -1 if kind == "]" or (kind == "}" and depth > 1) else 0


class _Window:
    """The part of a text from the beginning of an element to what was read last, token by token."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._held = ""
        self._begin = self._start = self._end = 0

    def next(self) -> str:
        """Return the next token, reading more text if there is none. At the end of the text it is empty."""
        while True:
            token = TOKEN.search(self._held, self._end)
            if token is not None and token.group() != '"':
                self._start, self._end = token.span()
                return token.group()
            self._start = self._end = len(self._held) if token is None else token.start()
            if not self._read_on():
                return ""

    def begin(self) -> None:
        """Let an element begin after the last token."""
        self._begin = self._end

    def before(self) -> str:
        """Return the text between the element's beginning and the last token."""
        return self._held[self._begin : self._start].strip()

    def rest(self) -> str:
        """Return the text between the element's beginning and the end of what was read."""
        return self._held[self._begin :].strip()

    def _read_on(self) -> bool:
        if len(self._held) - self._begin > LONGEST_ELEMENT:
            raise InputError(f"an element of the array is longer than {LONGEST_ELEMENT:,} characters")
        more = self._text.read(CHUNK)
        self._held = self._held[self._begin :] + more
        self._start, self._end, self._begin = self._start - self._begin, self._end - self._begin, 0
        return bool(more)
