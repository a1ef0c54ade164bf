"""Any sequence of deliveries, deaths and rotations leaves what a simple model predicts."""

import asyncio
from collections.abc import Sequence

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from emulation.postgres import PostgresServer
from processor.batch import BatchResult
from processor.records.kinesis import KinesisRecord
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import World, event, record

# A delivery is a shard and a number. There are few numbers, so that deliveries and event_ids come again.
_deliveries = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=10, unique=True)


def content(shard: int, number: int) -> tuple[str, bytes]:
    """Return a record's kind and data, which are always the same for the same delivery."""
    if number % 6 == 5:
        return "bad", b"bad"
    if number % 6 == 4:
        return "refused", event(number, metadata={"a": "\0"})
    if number % 6 == 3:
        return "anonymous", event(number, event_id=...)
    return "event", event(number + shard - number % 2, score=float(shard))


class StoringMachine(RuleBasedStateMachine):
    """Compares the tables with a model, which has one dictionary per table."""

    server: PostgresServer

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.world: World = self.loop.run(make_world(self.server))
        self.database = self.world.processor()
        self.events: set[tuple[int, int]] = set()
        self.rejected: set[tuple[int, int]] = set()
        self.identities: dict[str, tuple[int, int]] = {}
        self.passwords = 0

    def teardown(self) -> None:
        self.loop.run(drop_world(self.server, self.world))
        self.loop.close()

    @rule(deliveries=_deliveries)
    def deliver(self, deliveries: list[tuple[int, int]]) -> None:
        for shard in (0, 1):
            numbers = sorted(number for at, number in deliveries if at == shard)
            if numbers:
                self._deliver(shard, numbers)

    def _deliver(self, shard: int, numbers: Sequence[int]) -> None:
        stored = rejected = 0
        for number in numbers:
            kind, data = content(shard, number)
            if kind in ("bad", "refused"):
                rejected += (shard, number) not in self.rejected
                self.rejected.add((shard, number))
            elif self._is_new(shard, number, kind, data):
                stored += 1
                self.events.add((shard, number))
        batch = [record(number, content(shard, number)[1], shard=shard) for number in numbers]
        saved = self.loop.run(self._run(batch)).saved
        assert (saved.stored, saved.rejected.total()) == (stored, rejected)
        assert saved.duplicates == len(numbers) - stored - rejected

    def _is_new(self, shard: int, number: int, kind: str, data: bytes) -> bool:
        if kind == "anonymous":
            return (shard, number) not in self.events
        event_id = msgspec.json.decode(data)["event_id"]
        return self.identities.setdefault(event_id, (shard, number)) == (shard, number) and (
            (shard, number) not in self.events
        )

    async def _run(self, batch: list[KinesisRecord]) -> BatchResult:
        return await self.world.deliver(batch, to=self.database)

    @rule()
    def a_fresh_environment(self) -> None:
        self.database.discard()
        self.database = self.world.processor()

    @rule()
    def the_connection_dies(self) -> None:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
        self.loop.run(self.world.owner.execute(end, self.world.login.username))

    @rule(stage=st.sampled_from(["AWSCURRENT", "AWSPENDING"]))
    def the_password_is_rotated(self, stage: str) -> None:
        self.passwords += 1
        login = msgspec.structs.replace(self.world.login, password=f"rotated-{self.passwords}")
        change = f"ALTER ROLE \"{login.username}\" PASSWORD '{login.password}'"
        self.loop.run(self.world.owner.execute(change))
        self.world.secrets[stage] = login

    @invariant()
    def the_tables_are_the_models(self) -> None:
        tables = self.loop.run(self.world.tables())
        assert {(int(row[0][-1]), int(row[1])) for row in tables["events"]} == self.events
        assert {(int(row[0][-1]), int(row[1])) for row in tables["rejected"]} == self.rejected
        identities = {str(row[3]): (int(row[0][-1]), int(row[1])) for row in tables["identities"]}
        assert identities == self.identities


def test_the_store_and_the_batch_follow_the_model(server: PostgresServer) -> None:
    StoringMachine.server = server
    run_state_machine_as_test(
        StoringMachine,
        settings=settings(
            max_examples=settings().max_examples // 6,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
