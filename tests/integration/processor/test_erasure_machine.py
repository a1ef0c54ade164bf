"""Whatever happens around an erasure, nothing of the student stays, as if they had never been there.

Two worlds get the same events, except that one never hears of the student who is erased.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from emulation.ministack import MiniStack
from emulation.postgres import PostgresServer
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.erasing import (
    BACK_UP,
    GONE,
    HOLDS,
    MEND,
    NUMBERS,
    REFUSE,
    RESTORE,
    Delivery,
    Told,
    month_of,
)
from tests.integration.processor.test_erase import SECRET, killer
from tests.integration.processor.test_retention_machine import MONTHS
from tests.integration.processor.world import connect, record

MONTH_IN = {"days": 3, "hours": 2}
"""The position of the month of arrival in the rows of ``course_day`` and ``course_hour``."""

_deliveries = st.lists(st.tuples(st.integers(0, 1), st.integers(0, NUMBERS - 1)), min_size=1, max_size=8)


class ErasureMachine(RuleBasedStateMachine):
    """Each example begins with both worlds restored from their backup ``initial``."""

    all: ClassVar[Told]
    never: ClassVar[Told]

    def __init__(self) -> None:
        super().__init__()
        self.is_erased = self.has_backup = False
        self.published = self.failures = 0
        self.tombstones: dict[str, Any] | None = None
        self.dropped_before = ""
        self.dropped_before_in_backup = ""
        for told in (self.all, self.never):
            told.bucket.clear()
            self.restore_one(told, "initial")
            told.execute(f"{MEND}; {REFUSE}")

    def both(self, **wanted: Any) -> None:
        for told in (self.all, self.never):
            told.ask(**wanted)

    def restore_one(self, told: Told, schema: str) -> None:
        told.execute(RESTORE.replace("SCHEMA_NAME", schema))
        told.forget()

    @rule(deliveries=_deliveries)
    def publish_or_deliver_again(self, deliveries: list[Delivery]) -> None:
        for told in (self.all, self.never):
            told.deliver(deliveries)

    @rule(deliveries=_deliveries)
    def publish_the_same_anew(self, deliveries: list[Delivery]) -> None:
        self.published += 1
        for told in (self.all, self.never):
            told.deliver(deliveries, self.published)

    @rule(deliveries=_deliveries)
    def fail(self, deliveries: list[Delivery]) -> None:
        self.failures += 1
        for told in (self.all, self.never):
            told.fail(f"{self.failures}", deliveries)

    @rule()
    def replay(self) -> None:
        for told in (self.all, self.never):
            told.bucket.replay()

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
                told.execute(MEND)
            told.ask(command="redrive")

    @rule(month=st.sampled_from(MONTHS))
    def drop_months(self, month: str) -> None:
        self.both(command="retention", older_than=month, dry_run=False)
        self.dropped_before = max(self.dropped_before, month)

    @rule()
    def kill_the_processor(self) -> None:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
        self.all.run(self.all.world.owner.execute(end, self.all.world.login.username))

    @rule()
    def back_up(self) -> None:
        for told in (self.all, self.never):
            told.execute(BACK_UP.replace("SCHEMA_NAME", "backup"))
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
            found = self.all.ask(command="erase_again", **self.tombstones)
            assert set(found["students"]) <= {GONE}
            self.erase()

    @rule()
    def erase(self) -> None:
        self.note_tombstone()
        self.never.bucket.replay(self.all.erase())
        self.is_erased = True
        # What fails later holds the student again, until somebody replays it or erases once more.
        assert not any(self.all.bucket.holds(text) for text in (GONE, SECRET))

    @rule(statements=st.integers(1, 60))
    def erase_and_crash(self, statements: int) -> None:
        self.note_tombstone()
        victim = self.all.run(connect(self.all.world.owner_login))
        victim.add_query_logger(killer(victim, statements))
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self.never.bucket.replay(self.all.erase(victim))
        victim.terminate()

    def note_tombstone(self) -> None:
        """Note the tombstone before the erasure begins, as the command does in the bucket."""
        plan = self.all.ask(command="erase_plan", students=[GONE])
        tombstone = {"hash": plan["hashes"][0], "erased_at": "2026-11-30T12:00:00Z", "lifted_at": None}
        self.tombstones = self.tombstones or {"key": plan["key"], "tombstones": [tombstone]}

    @invariant()
    def nothing_of_who_was_erased_is_in_the_database(self) -> None:
        if self.is_erased:
            for text in (GONE, SECRET):
                found = self.all.run(self.all.world.owner.fetch(HOLDS, text))
                assert [row["table_name"] for row in found] == []

    def teardown(self) -> None:
        self.erase()
        self.nothing_of_who_was_erased_is_in_the_database()
        tables, never = (told.run(told.world.tables()) for told in (self.all, self.never))
        for one in (tables, never):
            for name, month in MONTH_IN.items():  # figures of dropped months are not corrected
                one[name] = [row for row in one[name] if f"{row[month]:%Y-%m}" >= self.dropped_before]
            # Ids of events from dropped months stay, and nothing tells any more whose they were.
            one["identities"] = [row for row in one["identities"] if month_of(row[1]) >= self.dropped_before]
            # PostgreSQL's message names the log or its partition, depending on how the record was found.
            one["rejected"] = [(*row[:5], row[6]) for row in one["rejected"]]
        for name, rows in tables.items():
            assert rows == never[name], name
        differences = self.all.ask(command="check")["differences"]
        assert set(differences.values()) == {0}


@pytest.fixture
def endpoint_url(tmp_path: Path) -> Iterator[str]:
    ministack = MiniStack(tmp_path)
    ministack.start()
    yield ministack.endpoint_url
    ministack.stop()


@pytest.mark.long
def test_any_order_leaves_nothing_of_the_student_and_everything_of_others(
    server: PostgresServer, endpoint_url: str
) -> None:
    with asyncio.Runner() as runner:
        worlds = [runner.run(make_world(server)) for _ in range(2)]
        told = [
            Told(world, knows_gone=place == 0, runner=runner, endpoint_url=endpoint_url)
            for place, world in enumerate(worlds)
        ]
        for one in told:
            # Shards get their numbers in this order, and the number decides which of two equal events wins.
            for shard in (0, 1):
                one.run(one.world.deliver([record(10_000 + shard, b"first", shard=shard)]))
            one.execute(BACK_UP.replace("SCHEMA_NAME", "initial"))
        machine = type("OnServer", (ErasureMachine,), {"all": told[0], "never": told[1]})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=20,
                    deadline=None,
                    phases=[Phase.generate],  # shrinking takes minutes, and a failure has few steps anyway
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            for world in worlds:
                runner.run(drop_world(server, world))
