"""PostgreSQL reads the same from our COPY as from asyncpg: asyncpg's own encoding is the oracle."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulation.postgres import PostgresServer
from processor.storage import binary

TABLE = """
    CREATE TEMPORARY TABLE everything (
        bool bool, date date, float8 float8, int2 int2, int4 int4, int8 int8, jsonb jsonb, numeric numeric,
        text text, timestamptz timestamptz, uuid uuid
    )
"""
TYPES = tuple(sorted(binary.OF_TYPE))

FIRST_AND_LAST = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-01-01")

_text = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "date": st.dates(date(1, 1, 2), date(9999, 12, 30)),  # for asyncpg the ends are infinities
    "float8": st.floats(),
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "jsonb": st.sampled_from(["{}", "[1]", '{"a": "é"}', "null", '"text"']),
    "numeric": st.decimals(allow_nan=True)
    | st.decimals(-1_000_000, 1_000_000, places=5)
    | st.sampled_from([Decimal(text) for text in ("0", "-0", "0.00", "1E+6", "1E-7", "10000", "12345678.9")]),
    "text": _text,
    "timestamptz": st.datetimes(*FIRST_AND_LAST, timezones=st.just(UTC)),
    "uuid": st.uuids(),
}
_rows = st.lists(st.tuples(*(st.none() | VALUES[kind] for kind in TYPES)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def connection(server: PostgresServer) -> Any:
    with asyncio.Runner() as loop:
        yield loop, (opened := loop.run(_connect(server)))
        loop.run(opened.close())


async def _connect(server: PostgresServer) -> asyncpg.Connection:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(TABLE)
    return connection


@settings(max_examples=2 * settings().max_examples)
@given(rows=_rows)
def test_every_value_is_stored_as_asyncpg_stores_it(connection: Any, rows: list[tuple[Any, ...]]) -> None:
    loop, opened = connection
    ours, asyncpgs = loop.run(_both(opened, rows))
    assert ours == asyncpgs
    assert len(ours) == len(rows)


async def _both(connection: asyncpg.Connection, rows: list[tuple[Any, ...]]) -> tuple[list[str], list[str]]:
    await connection.execute("TRUNCATE everything")
    await connection.copy_to_table("everything", source=_source(rows), columns=TYPES, format="binary")
    ours = await _stored(connection)
    await connection.execute("TRUNCATE everything")
    await connection.copy_records_to_table("everything", records=rows, columns=TYPES)
    return ours, await _stored(connection)


async def _source(rows: list[tuple[Any, ...]]) -> AsyncIterator[bytes]:
    yield binary.copy(binary.rows(binary.columns(list(zip(*rows, strict=True)), TYPES)))


async def _stored(connection: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await connection.fetch("SELECT everything::text FROM everything")]
