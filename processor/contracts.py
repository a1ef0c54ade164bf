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
from processor.pipeline import DELIVERY_COLUMNS, Pipeline, Reaction

SQL = statements.load(statements.FOLDER / "contracts.sql")

NEEDED: Final = (
    "find_stored",
    "merge_events",
    "convert_events",
    "count_conflicts",
    "count_stored",
    "figures",
    "report_tail",
)
REBUILDING: Final = ("slice", "clear", "fill")

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
    for reaction in pipeline.reactions:
        if reaction.deltas:
            deltas = await connection.fetch(SQL["columns_of"], reaction.deltas)
            wrong += _deltas(reaction, catalogue, {row["name"]: row for row in deltas})
    if not wrong:
        wrong += await _statements(
            connection, pipeline, {name: row["type"] for name, row in catalogue.items()}
        )
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
    for name in NEEDED:
        if name not in pipeline.sql:
            yield f"it has no statement {name}"
    for reaction in pipeline.reactions:
        yield from _reaction(pipeline, reaction)


def _reaction(pipeline: Pipeline, reaction: Reaction) -> Iterator[str]:
    for name in (reaction.statement, *(f"{reaction.name}_{part}" for part in REBUILDING)):
        if name not in pipeline.sql:
            yield f"its reaction {reaction.name} has no statement {name}"
    for column in reaction.columns:
        if column not in pipeline.names:
            yield f"its reaction {reaction.name} wants {column}, which is none of the event's columns"


def _registered(rows: list[asyncpg.Record], pipeline: Pipeline) -> Iterator[str]:
    kinds = {row["name"]: row["kind"] for row in rows}
    wanted = {pipeline.table: "event log"}
    wanted |= {r.deltas or r.name: "deltas" if r.deltas else "derived" for r in pipeline.reactions}
    for table, kind in wanted.items():
        if kinds.get(table) != kind:
            yield f"its table {table} is not registered in pipeline_table as {kind!r}: do so in a migration"


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


def _deltas(
    reaction: Reaction, log: dict[str, asyncpg.Record], deltas: dict[str, asyncpg.Record]
) -> Iterator[str]:
    """Compare a reaction's deltas with the event log, whose values they take in arrays."""
    if not deltas:
        yield f"there is no table {reaction.deltas}, to which its reaction {reaction.name} appends"
        return
    for name in reaction.columns:
        ours, theirs = (columns[name]["type"] if name in columns else "none" for columns in (deltas, log))
        if ours != f"_{theirs}":
            yield f"the column {name} of {reaction.deltas} is {_shown(ours)}, not {theirs}[]"
    for name, column in deltas.items():
        if column["required"] and not column["has_default"] and name not in reaction.columns:
            yield f"the table {reaction.deltas} requires {name}, which its reaction does not append"


async def _statements(
    connection: asyncpg.Connection, pipeline: Pipeline, type_of: dict[str, str]
) -> list[str]:
    """Have PostgreSQL read every statement, and compare the parameters of those that the store calls."""
    rows = [f"{type_of[name]}[]" for name in (*DELIVERY_COLUMNS[1:], *pipeline.names)]
    wanted = {name: ["int4", *rows] for name in ("merge_events", "convert_events", "count_conflicts")}
    wanted["find_stored"] = ["int4", *rows[:3]]
    for reaction in pipeline.reactions:
        arrays = [f"{type_of[column]}[]" for column in reaction.columns]
        wanted[reaction.statement] = ["int8"] if reaction.deltas else arrays
    wrong = []
    for name, sql in pipeline.sql.items():
        try:
            prepared = await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"its statement {name} is refused: {error}")
            continue
        takes = [kind.name for kind in prepared.get_parameters()]
        if takes != wanted.get(name, takes):
            wrong.append(f"its statement {name} takes {', '.join(takes)}; it gets {', '.join(wanted[name])}")
        returns = tuple(column.name for column in prepared.get_attributes())
        if name == "merge_events" and returns != pipeline.names:
            wrong.append(f"its statement {name} returns {', '.join(returns)}, not the event's columns")
    return wrong


def _shown(kind: str) -> str:
    return f"{kind[1:]}[]" if kind.startswith("_") else kind


def _kind(hint: Any) -> tuple[type, bool]:  # noqa: ANN401 - whatever stands in an annotation
    """Return the type of a member, and whether it may be None."""
    if get_origin(hint) in (Union, types.UnionType):
        [kind, *_] = [kind for kind in get_args(hint) if kind is not types.NoneType]
        return kind, types.NoneType in get_args(hint)
    return hint, False
