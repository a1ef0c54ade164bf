"""Two worlds with the same events, of which one never hears of the student who is erased."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg
import msgspec

from processor.batch import response
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.connection import Database
from processor.storage.session import Session
from tests.integration.processor.bucket import Bucket
from tests.integration.processor.test_erase import SECRET
from tests.integration.processor.test_retention_machine import MONTHS, SECONDS
from tests.integration.processor.world import World, event, parsed, record

GONE = "student-gone"
PER_MONTH = 6  # how many numbers the deliveries of a month have
NUMBERS = PER_MONTH * len(MONTHS)
EVENTS, UNREADABLE, REFUSED = "an event", "what cannot be read", "what PostgreSQL refuses"

REFUSE = "ALTER TABLE student_performance ADD CONSTRAINT none CHECK (event_type <> 'refused')"
MEND = "ALTER TABLE student_performance DROP CONSTRAINT IF EXISTS none"

EACH_TABLE = """
    FOR t IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        ORDER BY relname <> 'pipeline_table'
    LOOP
"""
BACK_UP = f"""
DO $$
DECLARE
    t text;
BEGIN
    DROP SCHEMA IF EXISTS SCHEMA_NAME CASCADE;
    CREATE SCHEMA SCHEMA_NAME;
    {EACH_TABLE}
        EXECUTE format('CREATE TABLE SCHEMA_NAME.%I AS TABLE public.%I', t, t);
    END LOOP;
END $$
"""
RESTORE = f"""
SET session_replication_role = replica;
DO $$
DECLARE
    t text;
BEGIN
    {EACH_TABLE}
        EXECUTE format('TRUNCATE public.%I CASCADE', t);
    END LOOP;
    {EACH_TABLE}
        IF t = 'student_performance' THEN
            PERFORM make_month('student_performance', month)
            FROM (
                SELECT DISTINCT date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month
                FROM SCHEMA_NAME.student_performance
            ) AS held;
        END IF;
        EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE SELECT * FROM SCHEMA_NAME.%I', t, t);
    END LOOP;
END $$;
RESET session_replication_role;
"""  # noqa: S608 - names from the catalogue
HOLDS = """
    SELECT table_name FROM information_schema.tables, LATERAL (
        SELECT query_to_xml(format(
            'SELECT 1 FROM public.%I AS whole WHERE position(%L IN whole::text) > 0'
            ' OR position(%L IN whole::text) > 0 LIMIT 1',
            table_name, $1::text, encode(convert_to($1, 'UTF8'), 'hex')
        ), false, true, '')::text AS found
    ) AS looked
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND found <> ''
"""

T = TypeVar("T")

Delivery = tuple[int, int]  # the shard and the number


def student_of(number: int) -> str:
    return GONE if number % 3 == 0 else f"student-{number % 3}"


def kind_of(number: int) -> str:
    return {4: UNREADABLE, 5: REFUSED}.get(number % 7, EVENTS)


def month_of(sequence_number: str) -> str:
    """Return the month in which the delivery with this number arrived."""
    return MONTHS[int(sequence_number) % NUMBERS // PER_MONTH]


def data_of(delivery: Delivery) -> bytes:
    """Return what is sent: both shards bring the same events, and some have an event_id."""
    shard, number = delivery
    student = student_of(number)
    note = SECRET if student == GONE else "fine"
    if kind_of(number) == UNREADABLE:
        return f'{{"student_id": "{student}", "note": "{note}"'.encode()
    return event(
        number,
        student_id=student,
        event_type="refused" if kind_of(number) == REFUSED else "quiz",
        metadata={
            "course": f"course-{number % 2}",
            "assessment": f"a{number % 2}",
            "note": note,
            "shard": shard,
        },
        **({"event_id": ...} if number % 2 else {}),
    )


def at(delivery: Delivery, again: int = 0) -> KinesisRecord:
    """Return the delivery; ``again`` says how often it was published again, under other numbers."""
    shard, number = delivery
    made = record(number + again * NUMBERS, data_of(delivery), shard=shard)
    made["kinesis"]["approximateArrivalTimestamp"] += SECONDS[month_of(made["kinesis"]["sequenceNumber"])]
    return made


@dataclass
class Told:
    """A world, its processor, and its bucket of failed records."""

    world: World
    knows_gone: bool
    runner: asyncio.Runner
    endpoint_url: str
    database: Database = field(init=False)
    bucket: Bucket = field(init=False)

    def __post_init__(self) -> None:
        self.database = self.world.processor()
        self.bucket = Bucket(self.endpoint_url, self.invoke)

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self.runner.run(awaited())

    def invoke(self, records: Sequence[KinesisRecord]) -> dict[str, Any]:
        return dict(response(self.run(self.world.deliver(records, to=self.database))))

    def heard(self, deliveries: Sequence[Delivery], shard: int) -> list[Delivery]:
        """Return what this world hears of a shard's deliveries."""
        heard = [one for one in deliveries if self.knows_gone or student_of(one[1]) != GONE]
        return [one for one in heard if one[0] == shard]

    def deliver(self, deliveries: Sequence[Delivery], again: int = 0) -> None:
        for shard in (0, 1):
            if batch := [at(one, again) for one in self.heard(deliveries, shard)]:
                self.invoke(batch)

    def fail(self, name: str, deliveries: Sequence[Delivery]) -> None:
        """Have these deliveries fail for good: Lambda writes an object for each shard's batch."""
        for shard in (0, 1):
            self.bucket.keep(f"{name}/{shard}", [at(one) for one in self.heard(deliveries, shard)])

    def ask(self, owner: asyncpg.Connection | None = None, **wanted: Any) -> dict[str, Any]:
        session = Session(owner or self.world.owner)
        answer = self.run(parsed(wanted).run(session, Settings("no secret")))
        return dict(msgspec.to_builtins(answer))

    def execute(self, sql: str) -> None:
        self.run(self.world.owner.execute(sql))

    def forget(self) -> None:
        self.database.discard()
        self.database = self.world.processor()

    def erase(self, owner: asyncpg.Connection | None = None) -> set[str]:
        """Erase the student from the database, then from the bucket; return which objects were replayed."""
        after = None
        while not (answer := self.ask(owner, command="erase", students=[GONE], after=after))["done"]:
            after = answer["next"]
        return self.bucket.erase(GONE)
