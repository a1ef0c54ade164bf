"""How near the handler comes to the limit, and what other ways reach."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bench.contenders import Compacting, Contender, Handler, Limit
from bench.erasing import UNAWARE_PIPELINE, Remembering
from bench.measure import Rounds, Task, compare
from bench.peers import PEERS
from bench.server import BenchDatabase, Busy
from bench.workload import KINDS, Kind, Workload
from processor.records.native import NativeColumns, parse
from processor.student_performance import PIPELINE as SHIPPED

SIZES: Final = (100, 500, 5_000)
EVENTS_A_ROUND: Final = 2_500
PAIRED_BATCHES: Final = 20

BAD: Final = b'{"student_id":"s","event_type":'
REFUSED: Final = b'{"student_id":"s","event_type":"e","metadata":{"text":"refuse"}}'

LIMIT: Final = Limit.name
CLEAN: Final = "handler"
AGGREGATED: Final = "handler, KPL-aggregated"
DUPLICATE: Final = "handler, all of it stored already"
NO_PROJECTION: Final = "handler, without projections"
UNAWARE: Final = "handler, if nobody could be erased"
REMEMBERING: Final = "handler, 1,000 students erased"
ONE_BAD: Final = "handler, one event is no JSON"
ONE_REFUSED: Final = "handler, one event only PostgreSQL refuses"


@dataclass(frozen=True)
class Comparison:
    """Tasks that are timed against one of them, on one kind of events in batches of one size."""

    title: str
    kind: Kind
    size: int
    tasks: tuple[Task, ...]
    base: str = LIMIT

    def run(self, rounds: int) -> list[dict[str, Any]]:
        """Return one row of results for each task."""
        result = compare(self.tasks, rounds, Busy)
        return [self._row(task, result) for task in self.tasks]

    def _row(self, task: Task, result: Rounds) -> dict[str, Any]:
        return {
            "part": self.title,
            "kind": self.kind,
            "batch": self.size,
            "task": task.name,
            "rate": result.rate(task.name).rounded(0),
            "by_clock": result.ratio(task.name, self.base).rounded(3),
            "by_processor_time": result.busy_ratio(task.name, self.base).rounded(3),
        }


def _parse_with_a_gap(data: bytes, arrived_at: datetime) -> NativeColumns:
    """Let one event through that PostgreSQL will refuse."""
    columns = parse(data, arrived_at)
    return columns._replace(metadata='{"text":"\\u0000"}') if data == REFUSED else columns


class RatiosBench:
    """The contenders, connected to one database."""

    def __init__(self, target: BenchDatabase) -> None:
        self.limit = Limit(target)
        self.handler = Handler(target)
        self.without = Handler(target, replace(SHIPPED, projections=()))
        self.unaware = Handler(target, UNAWARE_PIPELINE)
        self.remembering = Remembering(target)
        self.lenient = Handler(target, replace(SHIPPED, parse=_parse_with_a_gap))
        self.compacting = Compacting(target, self.handler)
        self.peers = [peer(target, self.limit.source_id) for peer in PEERS]

    def close(self) -> None:
        """Disconnect."""
        for contender in (
            self.limit,
            self.handler,
            self.without,
            self.unaware,
            self.remembering,
            self.lenient,
            self.compacting,
            *self.peers,
        ):
            contender.close()

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what is measured, the peers last."""
        workloads = {kind: Workload(kind) for kind in KINDS}
        for kind, workload in workloads.items():
            for size in SIZES:
                yield self._against_the_limit(kind, workload, size)
        for kind, workload in workloads.items():
            yield self._with_projections(kind, workload)
            yield self._with_erasure(kind, workload)
        for kind, workload in workloads.items():
            tasks = [
                _task(contender.name, 500, _fresh(contender, workload, 500), 2)
                for contender in (self.limit, self.handler, *self.peers)
            ]
            tasks.insert(2, _task(NO_PROJECTION, 500, _fresh(self.without, workload, 500), 2))
            yield Comparison("peers", kind, 500, tuple(tasks))
            # Apart: whoever comes after it finds the processors' caches full of something else.
            compacting = [
                _task(contender.name, 500, _fresh(contender, workload, 500))
                for contender in (self.limit, self.compacting)
            ]
            yield Comparison("compacting", kind, 500, tuple(compacting))

    def _with_projections(self, kind: Kind, workload: Workload) -> Comparison:
        """Compare the two alone: what they differ by is less than the scatter beside others."""
        tasks = (
            _task(NO_PROJECTION, 500, _fresh(self.without, workload, 500), PAIRED_BATCHES),
            _task(CLEAN, 500, _fresh(self.handler, workload, 500), PAIRED_BATCHES),
        )
        return Comparison("projections", kind, 500, tasks, base=NO_PROJECTION)

    def _with_erasure(self, kind: Kind, workload: Workload) -> Comparison:
        """Compare what knowing of erased students costs where there are none, and where there are many."""
        contenders = {UNAWARE: self.unaware, CLEAN: self.handler, REMEMBERING: self.remembering}
        tasks = tuple(
            _task(name, 500, _fresh(contender, workload, 500), PAIRED_BATCHES)
            for name, contender in contenders.items()
        )
        return Comparison("erasure", kind, 500, tasks, base=UNAWARE)

    def _against_the_limit(self, kind: Kind, workload: Workload, size: int) -> Comparison:
        handle = self.handler.prepare

        def duplicate() -> Callable[[], object]:
            batch = workload.batch(size)
            self.handler.run(batch.event)
            return handle(batch)

        tasks = [
            _task(LIMIT, size, _fresh(self.limit, workload, size)),
            _task(CLEAN, size, _fresh(self.handler, workload, size)),
            _task(NO_PROJECTION, size, _fresh(self.without, workload, size)),
            _task(AGGREGATED, size, lambda: handle(workload.aggregated(size))),
            _task(DUPLICATE, size, duplicate),
        ]
        if size == 500:
            tasks.append(_task(ONE_BAD, size, lambda: handle(workload.with_one(size, BAD))))
            tasks.append(
                _task(ONE_REFUSED, size, lambda: self.lenient.prepare(workload.with_one(size, REFUSED)))
            )
        return Comparison("handler", kind, size, tuple(tasks))


def _fresh(contender: Contender, workload: Workload, size: int) -> Callable[[], Callable[[], object]]:
    return lambda: contender.prepare(workload.batch(size))


def _task(
    name: str, size: int, prepare: Callable[[], Callable[[], object]], batches: int | None = None
) -> Task:
    return Task(name, size, prepare, batches or max(2, EVENTS_A_ROUND // size))
