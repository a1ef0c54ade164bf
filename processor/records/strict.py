"""Finds what JSON allows and an event must not hold. Every check is linear in the text. Pure: no I/O.

RFC 8259 leaves it to the reader what a repeated name means, and which numbers and characters are accepted.
PostgreSQL's jsonb has no NUL and no half of a surrogate pair, and writes each number out in full:
https://www.postgresql.org/docs/current/datatype-json.html
"""

import re
from collections.abc import Sequence
from json import loads
from typing import Any, Final

from processor.errors import RejectRecord

MAX_NESTING: Final = 100
MAX_DIGITS: Final = 1_000

_ESCAPES = (b"\\u0000", b"\\u0022", b"\\ud", b"\\uD")
_NUL = b"\\u0000"
# A high half without a low one after it, or a low half without a high one before it.
_LONE_HALF = re.compile(
    rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]", re.DOTALL
)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
_EACH = b"0123456789"
_EXPONENT = re.compile(rb"\d[eE][+-]?\d{3}")
_DIGITS = bytes(ord("1" if byte in _EACH else " ") for byte in range(256))
_MANY_DIGITS = b"1" * 180  # any, after translation: a search for a pattern takes twenty times as long


def may_refuse(data: bytes, encoded: bytes) -> bool:
    """Tell whether ``check`` might refuse JSON that msgspec has decoded, at a tenth of its cost.

    ``encoded`` is what was decoded, as JSON again. It holds no name twice, and every name has two quotation
    marks, which only an escaped ``\\u0022`` can hide.
    """
    return (
        (b"\\" in data and may_hold_bad_escapes(data))
        or may_hold_long_numbers(data, encoded)
        or encoded.count(b'"') != data.count(b'"')
    )


def may_hold_bad_escapes(data: bytes) -> bool:
    """Tell whether ``check`` might refuse an escape. It cannot if there is no backslash."""
    return any(escape in data for escape in _ESCAPES)


def may_hold_long_numbers(data: bytes, encoded: bytes) -> bool:
    """Tell whether ``check`` might refuse a number, of those that a double can hold.

    A double that is not 0 has at most 308 digits before the point and 323 zeros after it. It has more than
    1,000 only if 360 are written, half of them in a row. Only 0 can have an exponent instead.
    """
    if b"0.0" in encoded and _EXPONENT.search(data):
        return True
    if len(data) <= 360:
        return False
    some = data[::45]  # of 180 digits in a row, at least four
    return len(some) - len(some.translate(None, _EACH)) >= 4 and _MANY_DIGITS in data.translate(_DIGITS)


def check(data: bytes) -> None:
    """Raise RejectRecord for a name that occurs twice, a NUL, half of a surrogate pair, or a huge number.

    Raises ValueError if the bytes are not JSON, RecursionError where they nest too deep for Python.
    """
    loads(data, object_pairs_hook=_unique, parse_int=_short, parse_float=_short)
    check_escapes(data)


def check_escapes(data: bytes) -> None:
    """Raise RejectRecord for an escape of a character that PostgreSQL cannot store."""
    if b"\\" not in data:
        return
    escapes = data.replace(b"\\\\", b"--")  # an escaped backslash begins no other escape
    if _NUL in escapes:
        raise RejectRecord(
            "null_character", "the escape \\u0000 stands for a character that cannot be stored"
        )
    if _LONE_HALF.search(escapes):
        raise RejectRecord("lone_surrogate", "a \\ud800–\\udfff escape stands without its other half")


def is_too_deep(document: bytes) -> bool:
    """Tell whether arrays and objects are nested beyond MAX_NESTING levels."""
    if document.count(b"{") + document.count(b"[") <= MAX_NESTING:
        return False
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", document)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest > MAX_NESTING


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RejectRecord("duplicate_member", f"the member {name[:50]!a} occurs more than once")
            seen.add(name)
    return members


def _short(number: str) -> str:
    """Return the number as it was sent. Raise RejectRecord if it is too long when written out."""
    match = _NUMBER.fullmatch(number)
    assert match is not None  # noqa: S101 - for the type checker: the JSON scanner found it
    whole, fraction, exponent = match[1], match[2] or "", match[3] or "0"
    shift = int(exponent) if len(exponent) < 9 else MAX_DIGITS * 10**6
    digits = max(len(whole) + shift, 1) + max(len(fraction) - shift, 0)
    if digits > MAX_DIGITS:
        raise RejectRecord(
            "number_too_long", f"the number {number[:20]}… has more than {MAX_DIGITS:,} digits written out"
        )
    return number
