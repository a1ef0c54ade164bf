"""Whether a pipeline fits its tables: asked at deployment, so that the first batch need not find out."""

import types
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg

from processor import statements
from processor.errors import MigrationFailed
from processor.pipeline import Pipeline
from processor.projections.projection import Projection
from processor.records.columns import DELIVERY_COLUMNS

SQL = statements.load(statements.FOLDER / "contracts.sql")

NEEDED: Final = ("count_stored", "figures", "report_tail")

# What the processor writes from a Python value without loss: each type is one of encode.OF_TYPE.
FITTING: Final[dict[type, tuple[str, ...]]] = {
    UUID: ("uuid",),
    str: ("text", "jsonb"),
    bool: ("bool",),
    int: ("int8", "int4", "int2"),
    float: ("float8",),
    Decimal: ("numeric",),
    datetime: ("timestamptz",),
    date: ("date",),
}


async def check(connection: asyncpg.Connection, pipeline: Pipeline) -> None:
    """Raise MigrationFailed naming everything in which the pipeline and the database do not fit together."""
    wrong = list(_declaration(pipeline))
    catalogue = {row["name"]: row for row in await connection.fetch(SQL["columns_of"], pipeline.table)}
    wrong += _registered(await connection.fetch(SQL["registered"]), pipeline)
    wrong += _columns(pipeline, catalogue)
    for projection in pipeline.projections:
        rows = await connection.fetch(SQL["columns_of"], projection.name)
        wrong += _projection(projection, {row["name"]: row for row in rows})
    if not wrong:
        wrong += await _statements(connection, pipeline)
    if wrong:
        raise MigrationFailed(f"the pipeline {pipeline.name} does not fit: " + "; ".join(wrong))


def _declaration(pipeline: Pipeline) -> Iterator[str]:
    names = pipeline.names
    if names[0] != "event_id" or "occurred_at" not in names:
        yield f"its columns are {', '.join(names)}: the first must be event_id, and occurred_at among them"
    if pipeline.key not in names:
        yield f"its key {pipeline.key} is none of its columns {', '.join(names)}"
    if not any(decoder.of_stream is None for decoder in pipeline.decoders):
        yield "each of its decoders asks for a stream: one must take any"
    needed = (*NEEDED, *(projection.name for projection in pipeline.projections))
    for name in needed:
        if name not in pipeline.sql:
            yield f"it has no statement {name}"


def _registered(rows: list[asyncpg.Record], pipeline: Pipeline) -> Iterator[str]:
    kinds = {row["name"]: row["kind"] for row in rows}
    wanted = {pipeline.table: "event log"} | {p.name: p.kind for p in pipeline.projections}
    for table, kind in wanted.items():
        if kinds.get(table) != kind:
            yield f"its table {table} is not registered in pipeline_table as {kind!r}: do so in a migration"


def _projection(projection: Projection, catalogue: dict[str, asyncpg.Record]) -> Iterator[str]:
    if not catalogue:
        yield f"there is no table {projection.name} for its projection"
        return
    if "month" not in projection.key:
        yield f"the key of its projection {projection.name} lacks month, the month of arrival"
    for name in projection.columns:
        if name not in catalogue:
            yield f"its projection {projection.name} has {name}, which is none of the table's columns"
    for name, column in catalogue.items():
        if column["required"] and not column["has_default"] and name not in projection.columns:
            yield f"the table {projection.name} requires {name}, which its projection does not have"


def _columns(pipeline: Pipeline, catalogue: dict[str, asyncpg.Record]) -> Iterator[str]:
    if not catalogue:
        yield f"there is no table {pipeline.table}"
        return
    hints = get_type_hints(pipeline.columns)
    for name in DELIVERY_COLUMNS:
        if name not in catalogue:
            yield f"the table {pipeline.table} has no column {name}, which every event log needs"
    for name in pipeline.names:
        of_table, (kind, optional) = catalogue.get(name), _kind(hints[name])
        if of_table is None:
            yield f"the event's column {name} is none of the table {pipeline.table}"
        elif of_table["type"] not in FITTING.get(kind, ()):
            yield f"the event's {name} is {kind.__name__}, the table {pipeline.table}'s {of_table['type']}"
        elif optional and of_table["required"]:
            yield f"the event's {name} may be None, which the table {pipeline.table} refuses (NOT NULL)"
    given = {*DELIVERY_COLUMNS, *pipeline.names}
    for name, of_table in catalogue.items():
        if of_table["required"] and not of_table["has_default"] and name not in given:
            yield f"the table {pipeline.table} requires {name}, which the event does not have"


async def _statements(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    """Have PostgreSQL read every statement: the projections' as they are used, the others as they are."""
    wrong = []
    selects = {p.name: p.upsert(pipeline.sql[p.name], pipeline.table) for p in pipeline.projections}
    for name, sql in {**pipeline.sql, **selects}.items():
        try:
            prepared = await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"its statement {name} is refused: {error}")
            continue
        takes = [kind.name for kind in prepared.get_parameters()]
        if name == "figures" and takes != ["int8"]:
            wrong.append(f"its statement {name} takes {', '.join(takes) or 'nothing'}; it gets int8")
    return wrong


def _kind(hint: Any) -> tuple[type, bool]:  # noqa: ANN401 - whatever stands in an annotation
    """Return the type of a member, and whether it may be None."""
    if get_origin(hint) in (Union, types.UnionType):
        [kind, *_] = [kind for kind in get_args(hint) if kind is not types.NoneType]
        return kind, types.NoneType in get_args(hint)
    return hint, False
