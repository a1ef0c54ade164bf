"""The runner keeps its promises in any interleaving of failures, partial responses, restarts and resharding.

Every record is delivered or sent to the destination as configured, order holds, nothing is skipped, and no
record that a checkpoint counts as done is delivered again. Stream, function and destination are models; the
shard, its lanes, the lineage and the checkpoints are real.
"""

from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.lane import Discard, Invoke
from emulation.runner.lineage import ShardInfo, first_checkpoints, readable
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Failed, NotInvoked, Outcome, PartlyFailed, Succeeded
from emulation.runner.records import ShardRecord
from emulation.runner.shard import Shard, lane_of
from tests.unit.emulation.models import KEYS, ModelReader, ModelStream, RunningShard

MAXIMUM_AGE = 60


class RunnerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.stream = ModelStream()
        self.checkpoints: dict[str, Checkpoint] = {}
        self.running: dict[str, RunningShard] = {}
        self.healthy = False
        self.verdicts: list[tuple[str, int]] = []
        self.destination_refuses = 0
        self.delivered: set[str] = set()
        self.discarded: set[str] = set()
        self.settled: set[str] = set()
        self.failures: dict[str, int] = {}  # failed deliveries of each record

    @initialize(
        batch_size=st.integers(1, 5),
        window=st.sampled_from([0.0, 2.0]),
        factor=st.integers(1, 3),
        bisects=st.booleans(),
        retries=st.sampled_from([None, 0, 1, 3]),
        age=st.sampled_from([None, MAXIMUM_AGE]),
        shards=st.integers(1, 2),
        read=st.integers(1, 7),
    )
    def begin(  # noqa: PLR0917 - hypothesis gives them by name
        self,
        batch_size: int,
        window: float,
        factor: int,
        bisects: bool,
        retries: int | None,
        age: int | None,
        shards: int,
        read: int,
    ) -> None:
        self.mapping = EventSourceMapping(
            uuid="uuid",
            function_arn="f",
            stream_arn="s",
            batch_size=batch_size,
            window=window,
            parallelization_factor=factor,
            bisects=bisects,
            maximum_retries=retries,
            maximum_age=age,
            destination_arn="arn:aws:sqs:r:a:q",
            reports_item_failures=True,
        )
        self.read_at_most = read
        for _ in range(shards):
            self.stream.add_shard()
        self.checkpoints = first_checkpoints(self.infos(), self.mapping, self.now)

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=8))
    def put(self, keys: list[str]) -> None:
        for key in keys:
            self.stream.put(key, self.now)

    @rule(
        verdicts=st.lists(
            st.tuples(st.sampled_from(["ok", "fail", "partial", "throttle"]), st.integers(0, 5)), max_size=12
        )
    )
    def function_will(self, verdicts: list[tuple[str, int]]) -> None:
        self.verdicts = verdicts

    @rule(times=st.integers(1, 3))
    def destination_will_refuse(self, times: int) -> None:
        self.destination_refuses = times

    @rule(which=st.integers(0, 9))
    def split(self, which: int) -> None:
        if len(self.stream.shards) < 6:
            parent = self.one_of(self.stream.open_shards(), which)
            self.stream.close(parent)
            self.stream.add_shard((parent,))
            self.stream.add_shard((parent,))

    @rule()
    def merge(self) -> None:
        parents = tuple(self.stream.open_shards()[:2])
        if len(parents) == 2 and len(self.stream.shards) < 6:
            for parent in parents:
                self.stream.close(parent)
            self.stream.add_shard(parents)

    @rule(seconds=st.sampled_from([0.2, 1.0, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(choices=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=12))
    def work(self, choices: list[tuple[int, int]]) -> None:
        """Step shards and let tasks end for a while, in any order."""
        for which, what in choices:
            self.start_readable()
            if self.running and what:
                self.step_one(self.one_of(sorted(self.running), which))
            self.end_a_task(which)
            self.now += 0.2 * what

    @rule()
    def runner_is_killed(self) -> None:
        self.running.clear()

    @rule(factor=st.integers(1, 3))
    def factor_is_updated(self, factor: int) -> None:
        self.running.clear()
        self.settled = {s for s in self.settled if self.is_below_checkpoint(s)}
        self.mapping = EventSourceMapping(**{**vars(self.mapping), "parallelization_factor": factor})

    @invariant()
    def nothing_done_is_forgotten(self) -> None:
        for sequence in self.stream.record:
            if self.is_below_checkpoint(sequence):
                assert sequence in self.delivered | self.discarded, "the checkpoint skipped a record"

    def teardown(self) -> None:
        """Make everything healthy again. Then everything must arrive."""
        for turn in range(2000):
            self.healthy = turn > 50  # before that, the function gives its remaining answers
            self.start_readable()
            for shard_id in sorted(self.running):
                self.step_one(shard_id)
            for running in self.running.values():
                while running.tasks:
                    running.tasks.pop(0)()
            self.now += 1.0
            if not self.missing() and not any(r.settling for r in self.running.values()):
                break
        assert not self.missing(), "records were skipped"
        if self.mapping_allows_no_discard():
            assert not self.discarded, "discarded although neither retries nor age are limited"

    def end_a_task(self, which: int) -> None:
        busy = sorted(shard_id for shard_id, running in self.running.items() if running.tasks)
        if busy and which:
            self.running[self.one_of(busy, which)].tasks.pop(0)()

    # -- the world -----------------------------------------------------------------------------------------

    def mapping_allows_no_discard(self) -> bool:
        return (
            hasattr(self, "mapping")
            and self.mapping.maximum_retries is None
            and self.mapping.maximum_age is None
        )

    def infos(self) -> list[ShardInfo]:
        return [shard.info for shard in self.stream.shards.values()]

    def missing(self) -> set[str]:
        return set(self.stream.record) - self.delivered - self.discarded

    @staticmethod
    def one_of(items: list[str], which: int) -> str:
        return items[which % len(items)]

    def is_below_checkpoint(self, sequence: str) -> bool:
        shard_id, index = self.stream.position[sequence]
        reached = self.checkpoints.get(shard_id, Checkpoint()).sequence
        return reached is not None and index <= self.stream.position[reached][1]

    def start_readable(self) -> None:
        finished = [shard_id for shard_id, checkpoint in self.checkpoints.items() if checkpoint.finished]
        for shard_id in readable(self.infos(), finished):
            if shard_id not in self.running:
                self.start(shard_id, self.checkpoints.get(shard_id, Checkpoint()))

    def start(self, shard_id: str, checkpoint: Checkpoint) -> None:
        def save(reached: Checkpoint) -> None:
            # It goes through JSON, as in a file.
            self.checkpoints[shard_id] = Checkpoint.from_json(reached.to_json())

        tasks: list[Callable[[], None]] = []
        model = self.stream.shards[shard_id]
        self.running[shard_id] = RunningShard(
            Shard(
                mapping=self.mapping,
                checkpoint=checkpoint,
                reader=ModelReader(model, checkpoint, self.read_at_most),
                deliverer=self,
                save=save,
                submit=tasks.append,
                wake=lambda: None,
                clock=lambda: self.now,
                backoff=float,
            ),
            tasks,
        )

    def step_one(self, shard_id: str) -> None:
        running = self.running[shard_id]
        running.shard.step()
        self.settled |= running.settling
        running.settling.clear()
        if running.shard.is_finished:
            assert self.checkpoints[shard_id].finished
            del self.running[shard_id]

    # -- the deliverer -------------------------------------------------------------------------------------

    def invoke(self, task: Invoke) -> Outcome:
        batch = task.batch.records
        self.check_delivery(batch)
        verdict, number = self.verdicts.pop(0) if self.verdicts and not self.healthy else ("ok", 0)
        outcome: Outcome = Succeeded()
        done = len(batch)
        if verdict == "fail":
            outcome, done = Failed(), 0
        elif verdict == "throttle":
            outcome, done = NotInvoked(), 0
        elif verdict == "partial":
            done = number % len(batch)
            outcome = PartlyFailed(done)
        self.note_done(batch[:done], self.delivered)
        if verdict in {"fail", "partial"}:
            for record in batch[done:]:
                self.failures[record.sequence] = self.failures.get(record.sequence, 0) + 1
        return outcome

    def discard(self, task: Discard) -> bool:
        batch = task.batch.records
        if self.destination_refuses and not self.healthy:
            self.destination_refuses -= 1
            return False
        if task.condition == "RecordAgeExceeded":
            assert self.mapping.maximum_age is not None
            assert all(self.now - record.arrived_at > self.mapping.maximum_age for record in batch)
        else:
            assert self.mapping.maximum_retries is not None
            for record in batch:
                assert self.failures.get(record.sequence, 0) > self.mapping.maximum_retries
        self.check_delivery(batch)
        self.note_done(batch, self.discarded)
        return True

    def filtered_out(self, records: int) -> None:
        pass  # only a metric

    def note_done(self, records: Sequence[ShardRecord], where: set[str]) -> None:
        for record in records:
            where.add(record.sequence)
            shard_id, _ = self.stream.position[record.sequence]
            self.running[shard_id].settling.add(record.sequence)

    def check_delivery(self, batch: Sequence[ShardRecord]) -> None:
        assert 0 < len(batch) <= self.mapping.batch_size
        shard_id, first = self.stream.position[batch[0].sequence]
        done = self.delivered | self.discarded
        for record in batch:
            assert record.sequence not in self.settled, "delivered again although a checkpoint had it as done"
        lane = lane_of(batch[0].partition_key, self.mapping.parallelization_factor)
        for earlier in self.stream.shards[shard_id].records[:first]:
            if lane_of(earlier.partition_key, self.mapping.parallelization_factor) == lane:
                assert earlier.sequence in done, "overtaken in its own lane"
        for parent in self.stream.shards[shard_id].info.parents:
            for earlier in self.stream.shards[parent].records:
                assert earlier.sequence in done, "a child shard was read before its parent was done"
        positions = [self.stream.position[record.sequence] for record in batch]
        assert positions == sorted(positions)
        assert {position[0] for position in positions} == {shard_id}


RunnerMachine.TestCase.settings = settings(
    max_examples=settings().max_examples * 3 // 2,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)
test_runner_keeps_its_promises = RunnerMachine.TestCase
