"""Any order of storing, compaction, retention, replay and rebuild leaves what a simple model predicts."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from emulation.postgres import PostgresServer
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import World, event, parsed, record

MONTHS = ("2026-09", "2026-10", "2026-11", "2026-12")
SECONDS = {"2026-09": -62 * 86_400, "2026-10": -31 * 86_400, "2026-11": 0, "2026-12": 31 * 86_400}

Delivery = tuple[int, int]  # the shard and the number; each of four months has four numbers

_deliveries = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 15)), min_size=1, max_size=8)


def month_of(number: int) -> str:
    return MONTHS[number // 4]


def event_id(delivery: Delivery) -> str | None:
    """Return the producer's identity of the event; both shards bring some of the same events."""
    shard, number = delivery
    if number % 4 == 3:
        return None
    return f"00000000-0000-4000-8000-{number if number % 2 else number + 100 * shard:012d}"


def at(delivery: Delivery) -> KinesisRecord:
    shard, number = delivery
    identity = event_id(delivery)
    made = record(
        number,
        event(number, student_id=f"s{number % 2}", event_id=... if identity is None else identity),
        shard=shard,
    )
    made["kinesis"]["approximateArrivalTimestamp"] += SECONDS[month_of(number)]
    return made


class RetentionMachine(RuleBasedStateMachine):
    """Compares the tables with a model: the log, who holds an event_id, and what was ever derived."""

    server: PostgresServer

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.world: World = self.loop.run(make_world(self.server))
        self.database = self.world.processor()
        self.log: set[Delivery] = set()
        self.holder: dict[str, Delivery] = {}
        self.derived: Counter[tuple[str, str]] = Counter()
        self.dropped_before = ""

    def run(self, **wanted: Any) -> dict[str, Any]:
        command = parsed(wanted)
        answer = self.loop.run(command.run(Session(self.world.owner), Settings("no secret")))
        return dict(msgspec.to_builtins(answer))

    @rule(deliveries=_deliveries, fresh=st.booleans())
    def deliver(self, deliveries: list[Delivery], fresh: bool) -> None:
        """Deliver each shard's part, which may come again, to the old or to a new execution environment."""
        if fresh:
            self.database.discard()
            self.database = self.world.processor()
        for shard in sorted({shard for shard, _ in deliveries}):
            batch = [delivery for delivery in deliveries if delivery[0] == shard]
            result = self.loop.run(self.world.deliver([at(d) for d in batch], to=self.database))
            stored = sum(self.store(delivery) for delivery in batch)
            expired = sum(month_of(number) < self.dropped_before for _, number in batch)
            saved = result.saved
            assert (saved.stored, saved.expired) == (stored, expired)
            assert saved.stored + saved.expired + saved.duplicates == len(batch) == result.received

    def store(self, delivery: Delivery) -> bool:
        _, number = delivery
        if month_of(number) < self.dropped_before or delivery in self.log:
            return False
        identity = event_id(delivery)
        if identity is not None and self.holder.setdefault(identity, delivery) != delivery:
            return False
        self.log.add(delivery)
        self.derived[f"s{number % 2}", month_of(number)] += 1
        return True

    @rule(chunks=st.integers(1, 3))
    def compact(self, chunks: int) -> None:
        self.run(command="compact", chunks=chunks)

    @rule(month=st.sampled_from(MONTHS))
    def drop_months(self, month: str) -> None:
        self.run(command="retention", older_than=month, kinds=["events"], dry_run=False)
        self.dropped_before = max(self.dropped_before, month)
        self.log = {delivery for delivery in self.log if month_of(delivery[1]) >= self.dropped_before}

    @rule(month=st.sampled_from(MONTHS))
    def drop_what_was_derived(self, month: str) -> None:
        """Drop derived figures; those of months whose events are still there stay."""
        self.run(command="retention", older_than=month, kinds=["derived"], dry_run=False)
        before = min(month, self.dropped_before)
        self.derived = Counter({key: count for key, count in self.derived.items() if key[1] >= before})

    @rule()
    def rebuild(self) -> None:
        after = None
        while True:
            answer = self.run(command="rebuild", projection="student_course", after=after)
            after = answer["next"]
            if after is None:
                break

    @rule()
    def kill(self) -> None:
        """End the processor's connections in PostgreSQL."""
        self.loop.run(
            self.world.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1",
                self.world.login.username,
            )
        )

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        rows = self.loop.run(
            self.world.owner.fetch(
                "SELECT right(shard_id, 1)::int, sequence_number::int"
                " FROM student_performance JOIN event_source ON id = source_id"
            )
        )
        assert {tuple(row) for row in rows} == self.log

    def teardown(self) -> None:
        self.run(command="compact")
        rows = self.loop.run(
            self.world.owner.fetch(
                "SELECT student_id, to_char(month, 'YYYY-MM') AS month, sum(events)::int AS events"
                " FROM student_course GROUP BY 1, 2"
            )
        )
        assert {(row["student_id"], row["month"]): row["events"] for row in rows} == dict(self.derived)
        assert self.run(command="check") == {
            "differences": {projection.name: 0 for projection in SHIPPED.projections}
        }
        self.loop.run(drop_world(self.server, self.world))
        self.loop.close()


@pytest.mark.long
def test_any_order_leaves_what_the_model_says(server: PostgresServer) -> None:
    machine = type("MachineOnServer", (RetentionMachine,), {"server": server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
