"""Try a pipeline against a PostgreSQL of its own: migrations, the contract, and sample records.

The only part of ``spm`` that reaches a database by itself: what an author tries is not deployed yet.
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import asyncpg

from processor import migrations, places
from processor.errors import MigrationFailed
from processor.pipeline import Pipeline
from processor.records.columns import DELIVERY_COLUMNS
from processor.records.kinesis import KinesisRecord
from processor.reports import LIMIT, PREFIX
from processor.statements import fill, identifier
from processor.storage.connection import open_connection
from processor.storage.secret import Login
from spm.publishing.bad import BadRecord
from spm.reading.documents import Record
from spm.testing.events import SHARDS, STREAM
from spm.testing.store import SECONDS, SQL, deliver_to, rows_of

MOST_ROWS: Final = 20


class Sample(NamedTuple):
    """Records of a file; ``unit`` is what they are counted by, a line or an element say."""

    file: str
    unit: str
    records: Sequence[Record | BadRecord]

    def place(self, number: int) -> str:
        """Return where a record stands."""
        return f"{self.file}:{number}" if self.unit == "line" else f"{self.file}, {self.unit} {number}"


class Shown(NamedTuple):
    """The first rows of a table, or of a report's answer."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class Trial(NamedTuple):
    """What does not fit, each with its place; and what the sample became."""

    mistakes: Sequence[str]
    tables: Sequence[Shown] = ()


async def tried(pipeline: Pipeline, login: Login, sample: Sample | None) -> Trial:
    """Make the pipeline's tables, compare them with it, and store the sample as a deployment would."""
    connection = await open_connection(login, "disable", SECONDS)
    try:
        await migrations.migrate(connection, None, [pipeline])
    except MigrationFailed as failed:
        return Trial(failed.mistakes or [str(failed)])
    else:
        return Trial([]) if sample is None else await _stored(pipeline, connection, login, sample)
    finally:
        await connection.close()


async def _stored(pipeline: Pipeline, connection: asyncpg.Connection, login: Login, sample: Sample) -> Trial:
    """Deliver the sample in two batches, so that what is derived has to be combined."""
    mistakes = [
        f"{sample.place(record.line)}: {record.reason}: {record.detail}"
        for record in sample.records
        if isinstance(record, BadRecord)
    ]
    records = [_delivered(record) for record in sample.records if isinstance(record, Record)]
    half = (len(records) + 1) // 2
    for some in (records[:half], records[half:]):
        await deliver_to(pipeline, some, login)
        if wrong := await _refused(pipeline, connection, [p.name for p in pipeline.projections]):
            return Trial([*mistakes, *wrong])
        await pipeline.upkeep.compact(connection)
    mistakes += [
        f"{sample.place(int(number))}: {reason}: {detail}"
        for number, reason, detail in await connection.fetch(SQL["rejections"])
    ]
    mistakes += await _what_does_not_combine(pipeline, connection)
    tables = await _tables(pipeline, connection)
    for name in pipeline.own_sql:
        if name.startswith(PREFIX):
            try:
                tables.append(await _answer(pipeline, connection, name))
            except asyncpg.PostgresError as error:
                mistakes.append(f"{places.of_statement(pipeline, name)}: {name}: {error}")
    return Trial(mistakes, tables)


def _delivered(record: Record) -> KinesisRecord:
    return {
        "eventID": f"{SHARDS[0]}:{record.line}",
        "eventSourceARN": STREAM,
        "kinesis": {
            "sequenceNumber": f"{record.line:020}",
            "approximateArrivalTimestamp": datetime.now(UTC).timestamp(),
            "data": b64encode(record.data).decode(),
        },
    }


async def _refused(
    pipeline: Pipeline, connection: asyncpg.Connection, projections: Sequence[str]
) -> Sequence[str]:
    """Return what PostgreSQL says against the events that a projection has to bear."""
    mistakes = []
    for name in projections:
        try:
            await connection.fetch(fill(pipeline.own_sql[name], {"log": identifier(pipeline.table)}))
        except asyncpg.PostgresError as error:
            mistakes.append(f"{places.of_statement(pipeline, name)}: {name}: {error}")
    return mistakes


async def _what_does_not_combine(pipeline: Pipeline, connection: asyncpg.Connection) -> Sequence[str]:
    mistakes = []
    for projection in pipeline.projections:
        months = await pipeline.upkeep.months(connection)
        rows = sum([await pipeline.upkeep.check(connection, projection, month) for month in months])
        if rows:
            mistakes.append(
                f"{places.of_statement(pipeline, projection.name)}: {projection.name}: the sample in two"
                " batches gives other rows than in one: a column cannot be combined as it is declared"
            )
    return mistakes


async def _tables(pipeline: Pipeline, connection: asyncpg.Connection) -> list[Shown]:
    stored = await _first_rows(connection, pipeline.table, pipeline.names, DELIVERY_COLUMNS)
    derived = [await _first_rows(connection, p.name, p.columns, p.key) for p in pipeline.projections]
    return [stored, *derived]


async def _answer(pipeline: Pipeline, connection: asyncpg.Connection, name: str) -> Shown:
    """Return the first rows of a report that is not narrowed down."""
    report = pipeline.report(pipeline.own_sql[name])
    statement = await connection.prepare(report.sql)
    columns = [column.name for column in statement.get_attributes()]
    rows = await statement.fetch(*(MOST_ROWS if name == LIMIT else None for name in report.parameters))
    return Shown(name, columns, [list(row) for row in rows])


async def _first_rows(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], key: Sequence[str]
) -> Shown:
    rows = await rows_of(connection, table, columns, key, MOST_ROWS)
    return Shown(table, columns, [list(row) for row in rows])
