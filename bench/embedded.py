"""What the embedded cloud does on this machine: ``python -m bench.embedded`` prints figures as JSON.

- ``throughput``: events from the first PutRecords to the last row, with the deployed processor; and the CPU
  time of every process in it, which depends less on what else the machine is doing;
- ``runner``: the same records, already in the stream, given to a function that does nothing: what runner and
  MiniStack do together;
- ``runner_alone``: one shard's loop between a stream and a function that take no time;
- ``lone_event``: from PutRecord to the row, one event at a time, with a window of 0;
- ``idle``: CPU of all processes while nothing happens, and their memory.
"""

import argparse
import asyncio
import io
import json
import random
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import psutil  # type: ignore[import-untyped]  # ships no types

from emulation.cloud import EmbeddedCloud, database_name
from emulation.runner.checkpoints import Checkpoint, CheckpointFolder
from emulation.runner.lane import Discard, Invoke
from emulation.runner.mapping import Mapping
from emulation.runner.outcome import Outcome, Succeeded
from emulation.runner.records import Record, event_of, make_record
from emulation.runner.shard import Shard
from monitor.generate import generate
from monitor.publish import Entry, publish

IDLE_SECONDS = 20.0
LONE_EVENTS = 20
EMPTY_FUNCTION = "def handler(event, context):\n    print('done')\n"


def main() -> None:
    """Deploy, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=2)
    options = parser.parse_args()
    figures: dict[str, Any] = {"events": options.events, "shards": options.shards, "batch_size": 500}
    with EmbeddedCloud() as cloud:
        outputs = cloud.deploy("bench", {"shardCount": str(options.shards), "batchWindowSeconds": "0"})
        stream = outputs["KinesisStreamName"]
        cloud.start_runner()
        figures["lone_event"] = asyncio.run(measure_lone_events(cloud, stream))
        figures["idle"] = measure_idle()
        figures["throughput"] = asyncio.run(measure_throughput(cloud, stream, options.events))
        figures["runner"] = measure_runner(cloud, outputs["KinesisStreamArn"])
    figures["runner_alone"] = measure_runner_alone(options.events)
    json.dump(figures, sys.stdout, indent=2)


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
        query = "SELECT extract(epoch FROM stored_at)::float8 FROM student_performance WHERE student_id = $1"
        while True:
            query = (
                "SELECT extract(epoch FROM stored_at)::float8 FROM student_performance WHERE student_id = $1"
            )
            stored_at = await connection.fetchval(query, student)
            if stored_at is not None:
                break
            await asyncio.sleep(0.005)
        found.append((time.time() - sent_at) * 1000)
        await asyncio.sleep(random.uniform(0.3, 0.8))  # noqa: S311 - so as not to be in step with the polls
    await connection.close()
    warm = sorted(found[1:])  # the first starts the function
    return {"p50_ms": round(statistics.median(warm), 1), "max_ms": round(warm[-1], 1)}


async def measure_throughput(cloud: EmbeddedCloud, stream: str, events: int) -> dict[str, float]:
    """Publish and wait for the rows; the events are generated beforehand."""
    entries = [
        Entry(json.dumps(event).encode(), event["student_id"]) for event in generate(events, 500, seed=1)
    ]
    connection = await asyncpg.connect(cloud.database.dsn(database_name("bench")))
    before = await count(connection)
    cpu_before, started = cpu_seconds(), time.monotonic()
    await asyncio.to_thread(lambda: [None for _ in publish(cloud.client("kinesis"), stream, entries)])
    published = time.monotonic() - started
    while await count(connection) < before + events:  # noqa: ASYNC110 - rows tell nobody that they are there
        await asyncio.sleep(0.05)
    took = time.monotonic() - started
    cpu = cpu_seconds() - cpu_before
    await connection.close()
    return {
        "events_per_second": round(events / took),
        "published_per_second": round(events / published),
        "cpu_seconds": round(cpu, 2),
        "events_per_cpu_second": round(events / cpu),
    }


def measure_runner(cloud: EmbeddedCloud, stream_arn: str) -> dict[str, float]:
    """Deliver everything that is in the stream to a function that does nothing."""
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
    return {"records": last, "records_per_second": round((last - first) / (ended - started))}


class InstantStream:
    """A reader and a deliverer that take no time of their own."""

    def __init__(self, events: int) -> None:
        self.mapping = Mapping(
            uuid="bench",
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
            stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/bench",
            batch_size=500,
        )
        self._data = [json.dumps(event).encode() for event in generate(events, 500, seed=1)]
        self._next = 0

    def read(self) -> tuple[list[Record], bool]:
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

    def passed_over(self, records: int) -> None:
        """Nothing is filtered here."""
        raise NotImplementedError(records)


def measure_runner_alone(events: int) -> dict[str, float]:
    """Return the records a second that one shard's loop could move."""
    stream = InstantStream(events)
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
        return {"records_per_cpu_second": round(events / (time.process_time() - started))}


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
    return {"cpu_percent_of_a_core": round(100 * share, 2), "memory_mib": round(resident / 2**20)}


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


if __name__ == "__main__":
    main()
