"""How near ``spm publish`` comes to bare PutRecords calls whose bytes were ready, on one embedded cloud."""

import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench.measure import Spread
from bench.results import Row
from emulation.cloud import EmbeddedCloud
from spm.aws.stack import Aws
from spm.commands.publish import GARBAGE_THRESHOLD
from spm.publishing.files import read
from spm.publishing.prepare import prepare
from spm.publishing.put_records import CALLS_IN_FLIGHT, MAX_RECORDS, publish
from spm.term import generate

EVENTS: Final = 20_000
ROUNDS: Final = 9
BARE: Final = "bare PutRecords calls of ready bytes"


class PublishingBench:
    """A cloud, and the same events as ready calls and as files."""

    def __init__(self, cloud: EmbeddedCloud, folder: Path) -> None:
        self._publishing = Aws(cloud.aws_environment()).kinesis
        self._bare = cloud.client("kinesis")
        self._streams = 0
        events = [dict(event) for event in generate(EVENTS, 500)]
        lines = [json.dumps(event).encode() for event in events]
        for event in events:
            del event["event_id"]
        self._calls = [
            [{"Data": line, "PartitionKey": "student-0001"} for line in lines[start : start + MAX_RECORDS]]
            for start in range(0, EVENTS, MAX_RECORDS)
        ]
        self._with_id, self._without_id = folder / "with.jsonl", folder / "without.jsonl"
        self._with_id.write_bytes(b"\n".join(lines))
        self._without_id.write_bytes(b"\n".join(json.dumps(event).encode() for event in events))

    def tasks(self) -> Iterator[tuple[str, Callable[[str], None]]]:
        """Yield what is compared: each puts all the events into the stream of that name."""
        yield BARE, self._put
        yield "spm publish, events that have an event_id", lambda name: self._publish(name, self._with_id)
        yield "spm publish, it adds the event_ids", lambda name: self._publish(name, self._without_id)

    def seconds(self, task: Callable[[str], None]) -> float:
        """Return how long a task takes on a new stream."""
        self._streams += 1
        name = f"bench-{self._streams}"
        self._bare.create_stream(StreamName=name, ShardCount=1)
        self._bare.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        started = time.perf_counter()
        task(name)
        took = time.perf_counter() - started
        self._bare.delete_stream(StreamName=name)
        return took

    def _put(self, name: str) -> None:
        def put(records: list[dict[str, object]]) -> int:
            return int(self._bare.put_records(StreamName=name, Records=records)["FailedRecordCount"])

        with ThreadPoolExecutor(CALLS_IN_FLIGHT) as pool:
            assert sum(pool.map(put, self._calls)) == 0  # noqa: S101 - a benchmark of failures says nothing

    def _publish(self, name: str, file: Path) -> None:
        with file.open("rb") as source:
            entries = prepare(read(source).records, print)
            accepted = sum(len(call) for call in publish(self._publishing, name, entries))
        assert accepted == EVENTS  # noqa: S101 - as above


def measure() -> list[Row]:
    """Return a row for each task; the first round is not counted."""
    gc.set_threshold(GARBAGE_THRESHOLD)  # as the command does; the bare calls gain by it, too
    with EmbeddedCloud() as cloud, tempfile.TemporaryDirectory() as folder:
        bench = PublishingBench(cloud, Path(folder))
        rounds = [{name: bench.seconds(task) for name, task in bench.tasks()} for _ in range(ROUNDS + 1)][1:]
    return [
        {
            "task": name,
            "rate": Spread.of([EVENTS / one[name] for one in rounds]).rounded(0),
            "ratio": Spread.of([one[BARE] / one[name] for one in rounds]).rounded(3),
        }
        for name in rounds[0]
    ]
