"""Whatever happens around an erasure, nothing of the student stays, as if they had never been there.

Two worlds get the same events, except that one never hears of the student who is erased.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from emulation.postgres import PostgresServer
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.connection import Database
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.test_erase import SECRET, killer
from tests.integration.processor.test_retention_machine import MONTHS, SECONDS
from tests.integration.processor.world import World, connect, event, parsed, record

GONE = "student-gone"
PER_MONTH = 6  # how many numbers the deliveries of a month have
NUMBERS = PER_MONTH * len(MONTHS)
EVENTS, UNREADABLE, REFUSED = "an event", "what cannot be read", "what PostgreSQL refuses"

REFUSE = "ALTER TABLE student_performance ADD CONSTRAINT none CHECK (event_type <> 'refused')"
MEND = "ALTER TABLE student_performance DROP CONSTRAINT IF EXISTS none"

MONTH_IN = {"days": 3, "hours": 2}
"""The position of the month of arrival in the rows of ``course_day`` and ``course_hour``."""

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

Delivery = tuple[int, int]  # the shard and the number

_deliveries = st.lists(st.tuples(st.integers(0, 1), st.integers(0, NUMBERS - 1)), min_size=1, max_size=8)


def student_of(number: int) -> str:
    return GONE if number % 3 == 0 else f"student-{number % 3}"


def kind_of(number: int) -> str:
    return {4: UNREADABLE, 5: REFUSED}.get(number % 7, EVENTS)


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
    made["kinesis"]["approximateArrivalTimestamp"] += SECONDS[MONTHS[number // PER_MONTH]]
    return made


@dataclass
class Told:
    """A world, its processor, and the records in its bucket."""

    world: World
    knows_gone: bool
    database: Database = field(init=False)
    failed: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.world.processor()

    async def deliver(self, deliveries: Sequence[Delivery], again: int = 0) -> None:
        for shard in (0, 1):
            batch = [one for one in deliveries if one[0] == shard]
            if not self.knows_gone:
                batch = [one for one in batch if student_of(one[1]) != GONE]
            if batch:
                await self.world.deliver([at(one, again) for one in batch], to=self.database)

    async def replay(self) -> None:
        await self.deliver(self.failed)
        self.failed.clear()

    async def ask(self, **wanted: Any) -> dict[str, Any]:
        answer = await parsed(wanted).run(Session(self.world.owner), Settings("no secret"))
        return dict(msgspec.to_builtins(answer))

    def forget(self) -> None:
        self.database.discard()
        self.database = self.world.processor()


async def erase(told: Told, owner: asyncpg.Connection) -> None:
    """Erase the student, and replay what is in the bucket."""
    told = replace_owner(told, owner)
    after = None
    while True:
        answer = await told.ask(command="erase", students=[GONE], after=after)
        if answer["done"]:
            break
        after = answer["next"]
    await told.replay()


def replace_owner(told: Told, owner: asyncpg.Connection) -> Told:
    other = Told(replace(told.world, owner=owner), told.knows_gone)
    other.database, other.failed = told.database, told.failed
    return other


class ErasureMachine(RuleBasedStateMachine):
    """Each example begins with both worlds restored from their backup ``initial``."""

    loop: ClassVar[asyncio.Runner]
    all: ClassVar[Told]
    never: ClassVar[Told]

    def __init__(self) -> None:
        super().__init__()
        self.is_erased = self.has_backup = False
        self.published = 0
        self.tombstones: dict[str, Any] | None = None
        self.dropped_before = ""
        self.dropped_before_in_backup = ""
        for told in (self.all, self.never):
            told.failed.clear()
            self.restore_one(told, "initial")
            self.run(told.world.owner.execute(f"{MEND}; {REFUSE}"))

    def run(self, work: Any) -> Any:
        async def awaited() -> Any:
            return await work

        return self.loop.run(awaited())

    def both(self, **wanted: Any) -> None:
        for told in (self.all, self.never):
            self.run(told.ask(**wanted))

    def restore_one(self, told: Told, schema: str) -> None:
        self.run(told.world.owner.execute(RESTORE.replace("SCHEMA_NAME", schema)))
        told.forget()

    @rule(deliveries=_deliveries)
    def publish_or_deliver_again(self, deliveries: list[Delivery]) -> None:
        for told in (self.all, self.never):
            self.run(told.deliver(deliveries))

    @rule(deliveries=_deliveries)
    def publish_the_same_anew(self, deliveries: list[Delivery]) -> None:
        self.published += 1
        for told in (self.all, self.never):
            self.run(told.deliver(deliveries, self.published))

    @rule(deliveries=_deliveries)
    def fail(self, deliveries: list[Delivery]) -> None:
        for told in (self.all, self.never):
            told.failed += deliveries

    @rule()
    def replay(self) -> None:
        for told in (self.all, self.never):
            self.run(told.replay())

    @rule(chunks=st.integers(1, 3))
    def compact(self, chunks: int) -> None:
        self.both(command="compact", chunks=chunks)

    @rule(projection=st.sampled_from([projection.name for projection in SHIPPED.projections]))
    def rebuild(self, projection: str) -> None:
        for month in (None, *MONTHS):
            self.both(command="rebuild", projection=projection, after=month)

    @rule(mend=st.booleans())
    def redrive(self, mend: bool) -> None:
        for told in (self.all, self.never):
            if mend:
                self.run(told.world.owner.execute(MEND))
            self.run(told.ask(command="redrive"))

    @rule(month=st.sampled_from(MONTHS))
    def drop_months(self, month: str) -> None:
        self.both(command="retention", older_than=month, dry_run=False)
        self.dropped_before = max(self.dropped_before, month)

    @rule()
    def kill_the_processor(self) -> None:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
        self.run(self.all.world.owner.execute(end, self.all.world.login.username))

    @rule()
    def back_up(self) -> None:
        for told in (self.all, self.never):
            self.run(told.world.owner.execute(BACK_UP.replace("SCHEMA_NAME", "backup")))
        self.has_backup = True
        self.dropped_before_in_backup = self.dropped_before

    @rule()
    def restore(self) -> None:
        """Restore the backup, then erase again before anything is stored, as the runbook says."""
        if not self.has_backup:
            return
        for told in (self.all, self.never):
            self.restore_one(told, "backup")
        self.dropped_before = self.dropped_before_in_backup
        if self.tombstones:
            found = self.run(self.all.ask(command="erase_again", **self.tombstones))
            assert set(found["students"]) <= {GONE}
            self.erase()

    @rule()
    def erase(self) -> None:
        self.note_tombstone()
        self.run(erase(self.all, self.all.world.owner))
        self.run(self.never.replay())
        self.is_erased = True

    @rule(statements=st.integers(1, 60))
    def erase_and_crash(self, statements: int) -> None:
        self.note_tombstone()
        victim = self.run(connect(self.all.world.owner_login))
        victim.add_query_logger(killer(victim, statements))
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self.run(erase(self.all, victim))
        if not self.all.failed:  # it got as far as replaying what is in the bucket
            self.run(self.never.replay())
        victim.terminate()

    def note_tombstone(self) -> None:
        """Note the tombstone before the erasure begins, as the command does in the bucket."""
        plan = self.run(self.all.ask(command="erase_plan", students=[GONE]))
        tombstone = {"hash": plan["hashes"][0], "erased_at": "2026-11-30T12:00:00Z", "lifted_at": None}
        self.tombstones = self.tombstones or {"key": plan["key"], "tombstones": [tombstone]}

    @invariant()
    def nothing_of_who_was_erased_is_anywhere(self) -> None:
        if self.is_erased:
            for text in (GONE, SECRET):
                found = self.run(self.all.world.owner.fetch(HOLDS, text))
                assert [row["table_name"] for row in found] == []

    def teardown(self) -> None:
        self.erase()
        self.nothing_of_who_was_erased_is_anywhere()
        tables, never = self.run(self.all.world.tables()), self.run(self.never.world.tables())
        for one in (tables, never):
            for name, month in MONTH_IN.items():  # figures of dropped months are not corrected
                one[name] = [row for row in one[name] if f"{row[month]:%Y-%m}" >= self.dropped_before]
            # PostgreSQL's message names the log or its partition, depending on how the record was found.
            one["rejected"] = [(*row[:5], row[6]) for row in one["rejected"]]
        for name, rows in tables.items():
            assert rows == never[name], name
        differences = self.run(self.all.ask(command="check"))["differences"]
        assert set(differences.values()) == {0}


@pytest.mark.long
def test_any_order_leaves_nothing_of_the_student_and_everything_of_others(server: PostgresServer) -> None:
    with asyncio.Runner() as loop:
        worlds = [loop.run(make_world(server)) for _ in range(2)]
        told = [Told(world, knows_gone=place == 0) for place, world in enumerate(worlds)]
        for one in told:
            # Shards get their numbers in this order, and the number decides which of two equal events wins.
            for shard in (0, 1):
                loop.run(one.world.deliver([record(10_000 + shard, b"first", shard=shard)]))
            loop.run(one.world.owner.execute(BACK_UP.replace("SCHEMA_NAME", "initial")))
        machine = type("OnServer", (ErasureMachine,), {"loop": loop, "all": told[0], "never": told[1]})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=10,
                    stateful_step_count=20,
                    deadline=None,
                    phases=[Phase.generate],  # shrinking takes minutes, and a failure has few steps anyway
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            for world in worlds:
                loop.run(drop_world(server, world))
