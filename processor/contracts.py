"""Checks at deployment whether a pipeline fits its tables, before the first batch finds out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import asyncpg

from processor import places, statements
from processor.pipeline import Pipeline
from processor.projections.projection import Projection
from processor.records.columns import DELIVERY_COLUMNS, STORED_AT
from processor.records.message import Column
from processor.reports import LIMIT, PREFIX, TIMES
from processor.statements import fill, identifier

SQL = statements.load(statements.FOLDER / "contracts.sql")

# Columns that every event log has, and those that a report or a merge adds to them.
TAKEN: Final = (*DELIVERY_COLUMNS, STORED_AT, "shard_id", "copy_position")

MADE_LIKE: Final = "make it (LIKE event_log INCLUDING ALL, …) PARTITION BY RANGE (arrived_at)"

Catalogue = Mapping[str, asyncpg.Record]


async def mistakes(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    """Return every mismatch between the pipeline and the database, with its place."""
    if found := [*_names(pipeline), *_statements_file(pipeline)]:
        return found
    found = [*_declaration(pipeline), *_filters(pipeline)]
    found += _columns(pipeline, await _catalogue(connection, pipeline.table))
    for projection in pipeline.projections:
        found += _projection(pipeline, projection, await _catalogue(connection, projection.name))
    return found or [
        *await _keys(connection, pipeline),
        *await _refused_reports(connection, pipeline),
        *await _refused_projections(connection, pipeline),
    ]


async def _catalogue(connection: asyncpg.Connection, table: str) -> Catalogue:
    return {row["name"]: row for row in await connection.fetch(SQL["columns_of"], table)}


def _names(pipeline: Pipeline) -> Iterator[str]:
    """Yield names that cannot be those of a table or a column."""
    placed = [(pipeline.table, places.of_declaration(pipeline, pipeline.name))]
    placed += [(name, places.of_member(pipeline, name)) for name in pipeline.names]
    for projection in pipeline.projections:
        declared = places.of_declaration(pipeline, projection.name)
        placed += [(name, declared) for name in (projection.name, *projection.columns)]
    for name, place in placed:
        try:
            identifier(name)
        except ValueError as error:
            yield f"{place}: {error}"


def _statements_file(pipeline: Pipeline) -> Iterator[str]:
    try:
        _ = pipeline.own_sql
    except ValueError as error:
        yield f"{places.at(pipeline.statements_file)}: {error}"


def _declaration(pipeline: Pipeline) -> Iterator[str]:
    if pipeline.key not in pipeline.names:
        place = places.of_declaration(pipeline, pipeline.key)
        yield f"{place}: its key {pipeline.key} is not one of its columns {', '.join(pipeline.names)}"
    if pipeline.student is not None and pipeline.student not in _texts(pipeline):
        place = places.of_declaration(pipeline, pipeline.student)
        yield f"{place}: its student {pipeline.student} is not one of its columns of type text"
    for name in pipeline.names:
        if name in TAKEN:
            yield f"{places.of_member(pipeline, name)}: every event log has {name} already: rename it"
    needed = [projection.name for projection in pipeline.projections]
    for name in needed:
        if name not in pipeline.own_sql:
            place, file = places.of_declaration(pipeline, name), pipeline.statements_file.name
            yield f"{place}: there is no statement {name} in {file}, for its projection"
    for name in pipeline.own_sql:
        if name not in needed and not name.startswith(PREFIX):
            yield (
                f"{places.of_statement(pipeline, name)}: the statement {name} is neither a report"
                f" ({PREFIX}{name}) nor one of its projections"
            )


def _texts(pipeline: Pipeline) -> list[str]:
    return [column.name for column in pipeline.columns if "text" in column.types]


def _filters(pipeline: Pipeline) -> Iterator[str]:
    types = {column.name: column.types for column in pipeline.columns}
    for text in pipeline.filters:
        place = places.of_declaration(pipeline, text)
        column, dot, member = text.partition(".")
        wanted = "jsonb" if dot else "text"
        if wanted not in types.get(column, ()):
            yield f"{place}: its filter {text} needs a column {column} of type {wanted}"
        if (member or column) in (*TIMES, LIMIT):
            yield f"{place}: its filter {text} has the name of a parameter of every report: rename the member"


def _projection(pipeline: Pipeline, projection: Projection, catalogue: Catalogue) -> Iterator[str]:
    declared = places.of_declaration(pipeline, projection.name)
    if not catalogue:
        yield f"{declared}: there is no table {projection.name} for its projection: let a migration make it"
        return
    if "month" not in projection.key:
        yield f"{declared}: the key of its projection {projection.name} lacks month, the month of arrival"
    for name in projection.columns:
        if name not in catalogue:
            yield f"{declared}: its projection {projection.name} has {name}, which its table does not have"
    table = places.of_table(pipeline, projection.name)
    for name, column in catalogue.items():
        if column["required"] and not column["has_default"] and name not in projection.columns:
            yield f"{table}: the table {projection.name} requires {name}, which its projection does not have"


def _columns(pipeline: Pipeline, catalogue: Catalogue) -> Iterator[str]:
    table, created = pipeline.table, places.of_table(pipeline, pipeline.table)
    if not catalogue:
        yield f"{created}: there is no table {table}: let a migration make it"
        return
    for name in (*DELIVERY_COLUMNS, STORED_AT):
        if name not in catalogue or (name == STORED_AT and not catalogue[name]["has_default"]):
            yield f"{created}: the table {table} does not have the {name} of event logs: {MADE_LIKE}"
    for column in pipeline.columns:
        if wrong := _column(column, catalogue.get(column.name), table):
            yield f"{places.of_member(pipeline, column.name)}: the event's {column.name} {wrong}"
    given = {*DELIVERY_COLUMNS, STORED_AT, *pipeline.names}
    for name, of_table in catalogue.items():
        if of_table["required"] and not of_table["has_default"] and name not in given:
            yield f"{created}: the table {table} requires {name}, which the event does not have"


def _column(column: Column, of_table: asyncpg.Record | None, table: str) -> str | None:
    if not column.types:
        return "has a type that no column takes (docs/extending.md)"
    if of_table is None:
        return f"is not a column of the table {table}"
    if of_table["type"] not in column.types:
        return f"needs {' or '.join(column.types)}, the table {table} has {of_table['type']}"
    if column.optional and of_table["required"]:
        return f"may be absent, which the table {table} refuses (NOT NULL)"
    return None


async def _keys(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    """Return which tables lack the key that makes a row unique, or are not partitioned by month."""
    wrong = []
    table = pipeline.table
    created = places.of_table(pipeline, table)
    if await connection.fetchval(SQL["partition_key_of"], table) != "RANGE (arrived_at)":
        wrong.append(f"{created}: the table {table} is not partitioned by month: {MADE_LIKE}")
    if not await _has_key(connection, table, DELIVERY_COLUMNS):
        wrong.append(f"{created}: the table {table} does not have the primary key of event logs: {MADE_LIKE}")
    for projection in pipeline.projections:
        if not await _has_key(connection, projection.name, projection.key):
            place, key = places.of_table(pipeline, projection.name), ", ".join(projection.key)
            wrong.append(
                f"{place}: the table {projection.name} needs PRIMARY KEY ({key}), its projection's key"
            )
    return wrong


async def _has_key(connection: asyncpg.Connection, table: str, key: Sequence[str]) -> bool:
    rows = await connection.fetch(SQL["keys_of"], table)
    return sorted(key) in [row["columns"] for row in rows]


async def _refused_reports(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    wrong = []
    for name, text in pipeline.own_sql.items():
        if not name.startswith(PREFIX):
            continue
        try:
            report = pipeline.report(text)
        except ValueError as error:
            wrong.append(f"{places.of_statement(pipeline, name)}: {name}: {error}")
            continue
        if LIMIT not in report.parameters:
            wrong.append(f"{places.of_statement(pipeline, name)}: {name} has no LIMIT {{{LIMIT}}}")
        wrong += await _refused(connection, pipeline, name, report.sql)
    return wrong


async def _refused_projections(connection: asyncpg.Connection, pipeline: Pipeline) -> list[str]:
    """Have PostgreSQL read each SELECT as it was written, for the place of a mistake, and as it is used."""
    wrong = []
    for projection in pipeline.projections:
        name, text = projection.name, pipeline.own_sql[projection.name]
        try:
            select = fill(text, {"log": identifier(pipeline.table)})
        except ValueError as error:
            wrong.append(f"{places.of_statement(pipeline, name)}: {name}: {error}")
            continue
        refused = await _refused(connection, pipeline, name, select)
        wrong += refused or await _refused(
            connection, pipeline, name, projection.upsert(text, pipeline.table), used=True
        )
    return wrong


async def _refused(
    connection: asyncpg.Connection, pipeline: Pipeline, name: str, sql: str, *, used: bool = False
) -> list[str]:
    """Return PostgreSQL's objection to a statement. ``used`` has more text around the author's."""
    try:
        await connection.prepare(sql)
    except asyncpg.PostgresError as error:
        line = 0 if used else places.of_position(sql, error.position)
        return [f"{places.of_statement(pipeline, name, line)}: {name}: {error}"]
    return []
