"""Where the time of one batch goes, in processor time, stage by stage."""

from collections.abc import Callable
from typing import Any, Final

from bench.contenders import FixedContext, Handler, Limit, quiet
from bench.measure import Spread, Task, compare
from bench.results import Row
from bench.server import Busy, new_target, server
from bench.workload import KINDS, Kind, Workload
from processor.batch import BatchResult
from processor.records.kinesis import decode
from processor.records.native import parse
from processor.report import report
from processor.storage.event_log import EventLog
from processor.storage.tombstones import Tombstones
from processor.storage.writer import Saved
from processor.student_performance import PIPELINE as SHIPPED

BATCH: Final = 500
ROUNDS: Final = 7
BATCHES: Final = 5

NO_CONNECTION: Any = None
NONE_ERASED: Final = Tombstones(0, b"key", {}, frozenset())
TYPES: Final = [
    "int4",
    "text",
    "int4",
    "timestamptz",
    "uuid",
    "text",
    "text",
    "float8",
    "jsonb",
    "timestamptz",
]


def measure() -> list[Row]:
    """Return the stages of a batch for both kinds of events, in microseconds per event."""
    with server() as postgres, quiet():
        target = new_target(postgres)
        limit, handler = Limit(target), Handler(target)
        rows = [row for kind in KINDS for row in _of(kind, limit, handler)]
        limit.close()
        handler.close()
    return rows


def _of(kind: Kind, limit: Limit, handler: Handler) -> list[Row]:
    work = Workload(kind)

    def decoding() -> Callable[[], object]:
        records = work.batch(BATCH).event["Records"]
        return lambda: list(decode(records, parse))

    def reporting() -> Callable[[], object]:
        records = work.batch(BATCH).event["Records"]
        outcome = BatchResult(BATCH, Saved(stored=BATCH))
        return lambda: report(outcome, records, FixedContext.aws_request_id, 1.0, 0)

    def making_rows() -> Callable[[], object]:
        slices = list(decode(work.batch(BATCH).event["Records"], parse))
        log = EventLog(NO_CONNECTION, SHIPPED, 1, TYPES, frozenset(), NONE_ERASED)
        return lambda: list(log.pieces(iter(slices)))

    tasks = (
        Task("the whole handler", BATCH, lambda: handler.prepare(work.batch(BATCH)), BATCHES),
        Task(
            "COPY of ready rows, client and server", BATCH, lambda: limit.prepare(work.batch(BATCH)), BATCHES
        ),
        Task("decode", BATCH, decoding, BATCHES),
        Task("report", BATCH, reporting, BATCHES),
        Task("rows for COPY", BATCH, making_rows, BATCHES),
    )
    all_of_it = compare(tasks, ROUNDS, Busy)
    client_only = compare(tasks[:2], ROUNDS, lambda: lambda: 0.0)
    rows = [_row(kind, task.name, all_of_it.busy[task.name]) for task in tasks]
    copy = tasks[1].name
    rows.insert(2, _row(kind, "… of which the client", client_only.busy[copy]))
    rows.insert(1, _row(kind, "… the function's part of it", client_only.busy[tasks[0].name]))
    # The limit's client makes rows, too.
    known = zip(*(all_of_it.busy[task.name] for task in tasks[:-1]), strict=True)
    rest = [whole - sum(parts) for whole, *parts in known]
    return [*rows, _row(kind, "the rest: projections, more than one COPY, event loop", rest)]


def _row(kind: Kind, stage: str, microseconds: list[float]) -> Row:
    return {"kind": kind, "stage": stage, "microseconds_per_event": Spread.of(microseconds).rounded(2)}
