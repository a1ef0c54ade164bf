"""How fast the embedded cloud is on this machine, how soon, and what it costs while it is idle."""

import asyncio
import io
import json
import random
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]  # ships no types

from bench.measure import Spread
from bench.results import Row
from emulation.cloud import EmbeddedCloud, database_name
from emulation.runner.checkpoints import Checkpoint, CheckpointFolder
from emulation.runner.lane import Discard, Invoke
from emulation.runner.mapping import EventSourceMapping
from emulation.runner.outcome import Outcome, Succeeded
from emulation.runner.records import ShardRecord, event_of, make_record
from emulation.runner.shard import Shard
from spm.publishing.put_records import Entry, publish
from spm.term import generate

ROUNDS = 3
SHARDS = 2
EVENTS = 100_000
IDLE_SECONDS = 60.0  # the schedule comes once in it
LONE_EVENTS = 20
EMPTY_FUNCTION = "def handler(event, context):\n    print('done')\n"


def measure() -> list[Row]:
    """Return a row for each figure, over several clouds."""
    rounds = [_round() for _ in range(ROUNDS)]
    return [
        {"figure": figure, "value": Spread.of([one[figure] for one in rounds]).rounded(2)}
        for figure in rounds[0]
    ]


def _round() -> dict[str, float]:
    """Deploy, measure, and remove everything."""
    with EmbeddedCloud() as cloud:
        outputs = cloud.deploy("bench", {"shardCount": str(SHARDS), "batchWindowSeconds": "0"})
        stream = outputs["KinesisStreamName"]
        cloud.start_runner()
        figures = asyncio.run(measure_lone_events(cloud, stream))
        figures |= measure_idle()
        figures |= asyncio.run(measure_throughput(cloud, stream))
        figures |= measure_runner(cloud, outputs["KinesisStreamArn"])
    return figures | measure_runner_alone()


async def measure_lone_events(cloud: EmbeddedCloud, stream: str) -> dict[str, float]:
    """Return the milliseconds from PutRecord until the row can be read; polling adds up to 5."""
    kinesis = cloud.client("kinesis")
    connection = await asyncpg.connect(cloud.database.dsn(database_name("bench")))
    query = "SELECT count(*) FROM student_performance WHERE student_id = $1"
    found = []
    for number in range(LONE_EVENTS + 1):
        student = f"lone-{number}"
        sent_at = time.time()
        data = json.dumps({"student_id": student, "event_type": "quiz"}).encode()
        kinesis.put_record(StreamName=stream, Data=data, PartitionKey=student)
        while not await connection.fetchval(query, student):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.005)
        found.append((time.time() - sent_at) * 1000)
        await asyncio.sleep(random.uniform(0.3, 0.8))  # noqa: S311 - so as not to be in step with the polls
    await connection.close()
    warm = sorted(found[1:])  # the first starts the function
    return {
        "lone event to row, median ms": statistics.median(warm),
        "lone event to row, longest ms": warm[-1],
    }


async def measure_throughput(cloud: EmbeddedCloud, stream: str) -> dict[str, float]:
    """Publish and wait for the rows; the events are generated beforehand."""
    entries = [
        Entry(json.dumps(event).encode(), event["student_id"]) for event in generate(EVENTS, 500, seed=1)
    ]
    connection = await asyncpg.connect(cloud.database.dsn(database_name("bench")))
    before = await count(connection)
    cpu_before, started = cpu_seconds(), time.time()
    await asyncio.to_thread(lambda: [None for _ in publish(cloud.client("kinesis"), stream, entries)])
    while await count(connection) < before + EVENTS:  # noqa: ASYNC110 - rows tell nobody that they are there
        await asyncio.sleep(0.5)  # counting takes as long as storing a batch
    cpu = cpu_seconds() - cpu_before
    # The last transaction's start: counting would find its rows up to half a second later.
    ended = await connection.fetchval(
        "SELECT extract(epoch FROM max(stored_at))::float8 FROM student_performance"
    )
    await connection.close()
    return {
        "PutRecords to rows, events per second": EVENTS / (ended - started),
        "PutRecords to rows, events per second of processor time": EVENTS / cpu,
    }


def measure_runner(cloud: EmbeddedCloud, stream_arn: str) -> dict[str, float]:
    """Deliver everything in the stream to a function that does nothing."""
    function = cloud.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("empty.py", EMPTY_FUNCTION)
    function.create_function(
        FunctionName="empty",
        Runtime="python3.13",
        Handler="empty.handler",
        Role="arn:aws:iam::000000000000:role/empty",
        Code={"ZipFile": archive.getvalue()},
    )
    mapping = function.create_event_source_mapping(
        FunctionName="empty", EventSourceArn=stream_arn, StartingPosition="TRIM_HORIZON", BatchSize=500
    )
    invoked = event_count(cloud, mapping["UUID"], "InvokedEventCount")
    wait_for(lambda: invoked() > 0)
    first, started = invoked(), time.monotonic()
    polled = event_count(cloud, mapping["UUID"], "PolledEventCount")
    last, ended = first, started
    while time.monotonic() - ended < 3:  # until nothing has come for a while
        if (now := invoked()) > last:
            last, ended = now, time.monotonic()
        time.sleep(0.2)
    assert last == polled()  # noqa: S101 - a benchmark that lost records measured nothing
    return {
        "runner and MiniStack to an empty function, records per second": (last - first) / (ended - started)
    }


class InstantStream:
    """A reader and a deliverer that take no time of their own."""

    def __init__(self, events: int) -> None:
        self.mapping = EventSourceMapping(
            uuid="bench",
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
            stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/bench",
            batch_size=500,
        )
        self._data = [json.dumps(event).encode() for event in generate(events, 500, seed=1)]
        self._next = 0

    def read(self) -> tuple[list[ShardRecord], bool]:
        """Return the next 10,000 records, made as the real reader makes them."""
        first, self._next = self._next, min(self._next + 10_000, len(self._data))
        records = [
            make_record(
                mapping=self.mapping,
                shard_id="shardId-000000000000",
                role_arn="arn:aws:iam::000000000000:role/bench",
                sequence=f"{number:030d}",
                partition_key=str(number % 500),
                arrived_at=1.0,
                data=self._data[number],
            )
            for number in range(first, self._next)
        ]
        return records, self._next == len(self._data)

    def invoke(self, task: Invoke) -> Outcome:
        """Make the payload, and succeed."""
        event_of(task.batch.records).encode()
        return Succeeded()

    def discard(self, task: Discard) -> bool:
        """Nothing is discarded here."""
        raise NotImplementedError(task)

    def filtered_out(self, records: int) -> None:
        """Nothing is filtered here."""
        raise NotImplementedError(records)


def measure_runner_alone() -> dict[str, float]:
    """Return the records per second that one shard's loop could move between ends that take no time."""
    stream = InstantStream(EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        shard = Shard(
            mapping=stream.mapping,
            checkpoint=Checkpoint(),
            reader=stream,
            deliverer=stream,
            save=partial(CheckpointFolder(Path(folder)).save, "bench", "shard"),
            submit=lambda work: work(),
            wake=lambda: None,
            clock=iter(range(10**9)).__next__,  # a poll is always due
            backoff=float,
        )
        started = time.process_time()
        while not shard.is_finished:
            shard.step()
        rate = EVENTS / (time.process_time() - started)
        return {"the runner's loop alone, records per second of processor time": rate}


def event_count(cloud: EmbeddedCloud, mapping: str, name: str) -> Callable[[], float]:
    """Return what reads the sum of one of a mapping's metrics."""
    cloudwatch = cloud.client("cloudwatch")

    def read() -> float:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "EventSourceMappingUUID", "Value": mapping}],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))

    return read


def measure_idle() -> dict[str, float]:
    """Return the CPU share of every process (of one core) and their memory."""
    time.sleep(3)
    cpu_before, started = cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (cpu_seconds() - cpu_before) / (time.monotonic() - started)
    resident = sum(unique_memory(process) for process in family())
    return {"idle, all processes, % of a core": 100 * share, "all processes, MiB": resident / 2**20}


def family() -> list[psutil.Process]:
    """Return this process and everything it started."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu_seconds() -> float:
    """Return the CPU time that the family has used."""
    return sum(sum(process.cpu_times()[:2]) for process in family())


def unique_memory(process: psutil.Process) -> int:
    """Return a process's share of the memory: what is shared counts once over all."""
    return int(getattr(process.memory_full_info(), "pss", process.memory_info().rss))


async def count(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Return the number of stored events."""
    return int(await connection.fetchval("SELECT count(*) FROM student_performance"))


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Poll a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
