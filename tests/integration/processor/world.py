"""What the processor's tests work with: a database on a real server, deliveries to it, and its contents."""

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg

from processor import batch, migrations
from processor.commands import registry
from processor.commands.command import Command
from processor.pipeline import Pipeline
from processor.records.kinesis import KinesisRecord
from processor.records.native import NativeColumns, parse
from processor.settings import Settings
from processor.storage.connection import ATTEMPT, Database, Deadline
from processor.storage.scram import verifier
from processor.storage.secret import CURRENT, Login
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED

STREAM = "arn:aws:kinesis:eu-central-1:111122223333:stream/student-performance-stream-test"
ARRIVAL = 1_795_348_800.0  # 2026-11-22T12:00:00Z

SNAPSHOT = {
    "events": """
        SELECT shard_id, sequence_number, sub_sequence, event_id, student_id, event_type, score, occurred_at,
            arrived_at, metadata
        FROM student_performance JOIN event_source ON id = source_id
        ORDER BY 1, 2, 3
    """,
    "identities": """
        SELECT shard_id, sequence_number, sub_sequence, event_id
        FROM event_identity JOIN event_source ON id = source_id
        ORDER BY 4
    """,
    "assessments": """
        SELECT
            course, assessment, student_id, month, handed_in_at, occurred_at, sequence_number, sub_sequence,
            score, max_score
        FROM student_assessment
        ORDER BY course, assessment, student_id, month
    """,
    "courses": "SELECT * FROM student_course ORDER BY course, student_id, month",
    "days": "SELECT * FROM course_day ORDER BY course, day, event_type, month",
    "hours": "SELECT * FROM course_hour ORDER BY course, hour, month",
    "rejected": """
        SELECT shard_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload
        FROM rejected_event JOIN event_source ON id = source_id
        ORDER BY 1, 2, 3
    """,
}


def lenient_parse(data: bytes, arrived_at: datetime) -> NativeColumns:
    """Let ``\\u0000`` in metadata through like a decoder with a gap, so that only PostgreSQL refuses it."""
    columns = parse(data.replace(b"\\u0000", b"\\u0001"), arrived_at)
    return columns._replace(metadata=columns.metadata.replace("\\u0001", "\\u0000"))


LENIENT = replace(SHIPPED, parse=lenient_parse)

Tables = dict[str, list[tuple[Any, ...]]]


def event(number: int, **members: Any) -> bytes:
    """Return the bytes of an event made from its number; ``...`` as a value leaves a member out."""
    whole = {
        "student_id": f"student-{number % 97}",
        "event_type": ("quiz_score", "submission", "attendance")[number % 3],
        "score": number % 101 / 2,
        "timestamp": datetime.fromtimestamp(ARRIVAL - number, UTC).isoformat(),
        "event_id": str(uuid.UUID(int=number)),
        "metadata": {
            "course": f"course-{number % 7}",
            "assessment": f"a{number % 3}",
            "status": "absent",
            "number": number,
        },
    } | members
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def record(
    number: int, data: bytes | None = None, *, shard: int = 0, text: str | None = None
) -> KinesisRecord:
    """Return a record as Lambda delivers it; ``text`` replaces the data's base64."""
    sequence_number = f"{number:056d}"
    shard_id = f"shardId-{shard:012d}"
    return {
        "eventID": f"{shard_id}:{sequence_number}",
        "eventSourceARN": STREAM,
        "kinesis": {
            "sequenceNumber": sequence_number,
            "approximateArrivalTimestamp": ARRIVAL + number / 1000,
            "data": base64.b64encode(event(number) if data is None else data).decode()
            if text is None
            else text,
        },
    }


def records(numbers: Iterable[int]) -> list[KinesisRecord]:
    return [record(number) for number in numbers]


@dataclass
class World:
    """A database with the schema, its owner's connection, and the logins of the processor and the reader."""

    owner: asyncpg.Connection
    owner_login: Login
    login: Login
    reader_login: Login
    secrets: dict[str, Login] = field(default_factory=dict)  # what Secrets Manager holds, by stage
    secret_reads: list[str] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)
    pipeline: Pipeline = SHIPPED

    def __post_init__(self) -> None:
        self.secrets.setdefault(CURRENT, self.login)

    async def read_login(self, _: str, stage: str) -> Login | None:
        """Stand in for Secrets Manager."""
        self.secret_reads.append(stage)
        return self.secrets.get(stage)

    def processor(
        self, *, attempt: float = ATTEMPT, statement: float | None = None, **settings: Any
    ) -> Database:
        """Return the database as a fresh execution environment of the function sees it."""
        chosen = Settings("arn:secret", **({"sslmode": "disable"} | settings))
        self.databases.append(Database(chosen, attempt=attempt, statement=statement, read=self.read_login))
        return self.databases[-1]

    async def deliver(
        self, batch_records: Sequence[KinesisRecord], *, to: Database | None = None, seconds: float = 30
    ) -> batch.BatchResult:
        """Deliver one batch as one invocation, in a fresh execution environment unless ``to`` names one."""
        database = to or self.processor()
        outcome = await batch.process(self.pipeline, batch_records, database, Deadline(seconds))
        if to is None:
            database.discard()
        return outcome

    async def close(self) -> None:
        """End every connection, and let the event loop see that they have ended."""
        for database in self.databases:
            database.discard()
        await self.owner.close()
        await asyncio.sleep(0)

    async def tables(self) -> Tables:
        """Return everything that is stored and derived, except when it was stored."""
        await self.pipeline.upkeep.compact(self.owner)
        return {name: [tuple(row) for row in await self.owner.fetch(sql)] for name, sql in SNAPSHOT.items()}

    async def count(self, table: str) -> int:
        sql: Mapping[str, str] = {
            "student_performance": "SELECT count(*) FROM student_performance",
            "rejected_event": "SELECT count(*) FROM rejected_event",
        }
        count: int = await self.owner.fetchval(sql[table])
        return count


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the condition; raise TimeoutError if it does not become true in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.01)


async def connection_of(database: Database) -> asyncpg.Connection:
    """Return the connection on which this database object works."""

    async def own(session: Session) -> asyncpg.Connection:
        return session.connection

    return await database.run(own, Deadline(30))


async def connect(login: Login) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=login.host,
        port=login.port,
        user=login.username,
        password=login.password,
        database=login.dbname,
        ssl=False,
    )


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError):
        return True  # the second is for a view that nobody can change
    else:
        return False
    finally:
        await transaction.rollback()


def parsed(event: Mapping[str, Any]) -> Command[Any]:
    """Return the command that an event asks for, whichever function answers it."""
    return registry.parse(event, registry.KINDS[event["command"]].function)


async def make_schema(owner: Login) -> None:
    connection = await connect(owner)
    try:
        await migrations.migrate(connection, None, [SHIPPED])
    finally:
        await connection.close()


async def make_logins(owner: asyncpg.Connection, processor: Login, reader: Login) -> None:
    """Make the functions' logins, as a migration does at its end."""
    for statement, login in (("make_processor_login", processor), ("make_reader_login", reader)):
        await owner.execute(migrations.SQL[statement], login.username, verifier(login.password))
