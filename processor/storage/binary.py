"""Turns columns of values into rows in PostgreSQL's binary COPY format. Pure: no I/O.

https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format") describes it. Each type's bytes are
those of its receive function. We do this ourselves because rows have to be ready before the connection is
free to take them, and asyncpg makes them only then. It goes column by column, because a call per value would
cost half as much again.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, Final

from processor.errors import UnfitValue

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()

_length = struct.Struct("!i").pack
_count = struct.Struct("!h").pack
_int2 = struct.Struct("!ih").pack
_int4 = struct.Struct("!ii").pack
_int8 = struct.Struct("!iq").pack
_float8 = struct.Struct("!id").pack
_numeric_head = struct.Struct("!ihhHh").pack

_NULL: Final = _length(-1)
_UUID_LENGTH: Final = _length(16)
_BOOLS: Final = {value: _length(1) + bytes([value]) for value in (False, True)}

Encode = Callable[[Sequence[Any]], list[bytes]]
"""Turns a column's values into what a row holds for each: its length and its bytes."""


Row = tuple[bytes, ...]
"""The number of its columns, then what stands for each of their values."""


def columns(values: Sequence[Sequence[Any]], types: Sequence[str]) -> list[list[bytes]]:
    """Return the encoded values of each column. Raise UnfitValue if one does not fit its type."""
    try:
        return [OF_TYPE[kind](column) for kind, column in zip(types, values, strict=True)]
    except (ArithmeticError, AttributeError, LookupError, TypeError, UnicodeError, struct.error) as error:
        raise UnfitValue(f"a value does not fit the type of its column: {error}") from error


def rows(encoded: Sequence[Sequence[bytes]]) -> Iterator[Row]:
    """Yield the rows of encoded columns."""
    return zip(repeat(_count(len(encoded))), *encoded, strict=False)


def copy(some_rows: Iterable[Row]) -> bytes:
    """Return the rows as what a whole COPY reads."""
    return b"".join(chain((_HEADER,), chain.from_iterable(some_rows), (_TRAILER,)))


def _texts(values: Sequence[str | None]) -> list[bytes]:
    return [_NULL if v is None else _length(len(text := v.encode())) + text for v in values]


def _jsonbs(values: Sequence[str | None]) -> list[bytes]:
    version = b"\x01"
    return [_NULL if v is None else _length(len(text := v.encode()) + 1) + version + text for v in values]


def _uuids(values: Sequence[Any]) -> list[bytes]:
    return [_NULL if v is None else _UUID_LENGTH + v.int.to_bytes(16) for v in values]


def _bools(values: Sequence[bool | None]) -> list[bytes]:
    return [_NULL if v is None else _BOOLS[v] for v in values]


def _int2s(values: Sequence[int | None]) -> list[bytes]:
    return [_NULL if v is None else _int2(2, v) for v in values]


def _int4s(values: Sequence[int | None]) -> list[bytes]:
    return [_NULL if v is None else _int4(4, v) for v in values]


def _int8s(values: Sequence[int | None]) -> list[bytes]:
    return [_NULL if v is None else _int8(8, v) for v in values]


def _floats(values: Sequence[float | None]) -> list[bytes]:
    return [_NULL if v is None else _float8(8, v) for v in values]


def _times(values: Sequence[datetime | None]) -> list[bytes]:
    return [
        _NULL
        if v is None
        else _int8(8, ((since := v - _EPOCH).days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
        for v in values
    ]


def _dates(values: Sequence[date | None]) -> list[bytes]:
    return [_NULL if v is None else _int4(4, v.toordinal() - _EPOCH_DAY) for v in values]


def _numerics(values: Sequence[Decimal | None]) -> list[bytes]:
    return [_NULL if v is None else _numeric(v) for v in values]


def _numeric(value: Decimal) -> bytes:
    """Return a number as digits to the base of 10,000. The first has the weight of 10,000 ** weight."""
    if not value.is_finite():
        special = 0xC000 if value.is_nan() else 0xF000 if value < 0 else 0xD000
        return _numeric_head(8, 0, 0, special, 0)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - for the type checker: it is finite
    rest = int("".join(map(str, digits))) * 10 ** (exponent % 4)
    groups: list[int] = []
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.insert(0, group)
    weight = len(groups) - 1 + exponent // 4
    head = _numeric_head(8 + 2 * len(groups), len(groups), weight, 0x4000 * sign, max(0, -exponent))
    return head + struct.pack(f"!{len(groups)}h", *groups)


OF_TYPE: Final[Mapping[str, Encode]] = {
    "bool": _bools,
    "date": _dates,
    "float8": _floats,
    "int2": _int2s,
    "int4": _int4s,
    "int8": _int8s,
    "jsonb": _jsonbs,
    "numeric": _numerics,
    "text": _texts,
    "timestamptz": _times,
    "uuid": _uuids,
}
