"""What is wrong with a document, one problem at a time, and the checks that most formats need.

A check takes a value and its JSON path, and yields problems as it finds them: the processor takes the first,
and a front door lists them all. No check calls itself, so the format bounds the depth.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from processor.errors import Reason, RejectRecord

Check = Callable[[object, str], Iterator["Problem"]]

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_@][A-Za-z0-9_@-]{0,49}")
_LARGEST: Final = 1.7976931348623157e308


class Problem(NamedTuple):
    """One thing that is wrong: where (a JSON path), and what would be right."""

    reason: Reason
    path: str
    detail: str

    @property
    def rejection(self) -> RejectRecord:
        """The problem as the processor raises it."""
        return RejectRecord(self.reason, f"{self.detail} - at `{self.path}`")


def wrong(path: str, expected: str) -> Problem:
    """Return the problem of a value that is there but is wrong."""
    return Problem("invalid_member", path, f"Expected {expected}")


def missing(path: str, expected: str) -> Problem:
    """Return the problem of a required member that is missing."""
    return Problem("missing_member", path, f"Expected {expected}")


def below(path: str, name: str) -> str:
    """Return the JSON path of a member. A name that could hold anything is shortened and escaped."""
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{name[:50]!a}]"


def text(expected: str, fits: Callable[[str], object] = lambda _: True) -> Check:
    """Return the check of a string that ``fits``."""

    def check(value: object, path: str) -> Iterator[Problem]:
        if not isinstance(value, str) or not fits(value):
            yield wrong(path, expected)

    return check


def one_of(*allowed: str) -> Check:
    """Return the check of a string that is one of these, in their case."""
    return text(" or ".join(f"`{word}`" for word in allowed), frozenset(allowed).__contains__)


def boolean(value: object, path: str) -> Iterator[Problem]:
    """Check that the value is ``true`` or ``false``."""
    if not isinstance(value, bool):
        yield wrong(path, "`true` or `false`")


def is_number(value: object) -> bool:
    """Say whether the value is a number that a double can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def number(value: object, path: str) -> Iterator[Problem]:
    """Check that the value is a number that a double can hold."""
    if not is_number(value):
        yield wrong(path, "a number within the range of a double")


def array(of: Check, *, least: int = 0) -> Check:
    """Return the check of an array of such values."""
    expected = f"an array of at least {least}" if least else "an array"

    def check(value: object, path: str) -> Iterator[Problem]:
        if not isinstance(value, list) or len(value) < least:
            yield wrong(path, expected)
            return
        for index, item in enumerate(value):
            yield from of(item, f"{path}[{index}]")

    return check


def mapping(of: Check, names: Callable[[str], object], expected: str) -> Check:
    """Return the check of an object of any size whose names and values have one form each."""

    def check(value: object, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield wrong(path, "an object")
            return
        for name, member in value.items():
            if not names(name):
                yield wrong(below(path, name), f"{expected} as the name")
            yield from of(member, below(path, name))

    return check


def anything(_value: object, _path: str) -> Iterator[Problem]:
    """Accept every value, null included."""
    return iter(())


def members(known: Mapping[str, Check], required: Iterable[str] = (), *, others: bool = False) -> Check:
    """Return the check of an object with these members. ``others`` allows more, which are not checked."""
    needed = tuple(required)
    spelled = {name.lower(): name for name in known}

    def check(value: object, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield wrong(path, "an object")
            return
        for name in needed:
            if name not in value:
                yield missing(f"{path}.{name}", "it to be there")
        for name, member in value.items():
            if name in known:
                yield from known[name](member, f"{path}.{name}")
            elif not others:
                yield _unknown(name, path, spelled)

    return check


def _unknown(name: str, path: str, spelled: Mapping[str, str]) -> Problem:
    right = spelled.get(name.lower())
    hint = (
        f"`{right}`, in this case" if right else f"one of {', '.join(sorted(spelled.values()))} as the name"
    )
    return wrong(below(path, name), hint)
