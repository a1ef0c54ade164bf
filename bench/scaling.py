"""The model behind ``docs/scaling.md``: what the record's constants mean on AWS. AWS itself was not measured.

Prices: on demand in us-east-1, US dollars, from AWS's public price pages (2026); a month has 730 hours.
https://aws.amazon.com/kinesis/data-streams/pricing/ https://aws.amazon.com/lambda/pricing/
https://aws.amazon.com/rds/postgresql/pricing/
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import results
from bench.contenders import Compacting
from bench.results import Row

TEXT: Final = Path(__file__).with_name("scaling.template.md")
PAGE: Final = Path(__file__).parent.parent / "docs" / "scaling.md"

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
RATES: Final = (10, 1_000, 10_000, 100_000)

# Kinesis, https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
SHARD_RECORDS: Final = 1_000
SHARD_BYTES: Final = 2**20
SHARD_HOUR: Final = 0.015
MILLION_PUT_UNITS: Final = 0.014

# Lambda on arm64; 1,769 MB are one processor:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_MB: Final = 512
MB_OF_ONE_PROCESSOR: Final = 1_769
GB_SECOND: Final = 0.0000133334
MILLION_REQUESTS: Final = 0.20

BATCH: Final = 500
WINDOW: Final = 1.0  # seconds
ROUND_TRIPS: Final = (
    0.010  # seconds per invocation, assumed: six between zones and a synchronous commit on two
)

STORAGE_GIB_MONTH: Final = 0.23  # gp3, Multi-AZ
HEADROOM: Final = (
    0.5  # of the database's processors for inserts and compaction; the rest for readers, vacuum and peaks
)


@dataclass(frozen=True)
class InstanceClass:
    """An RDS class: what it can give steadily, and its price an hour in two zones."""

    name: str
    processors: float  # of a burstable class its baseline
    hour: float


CLASSES: Final = (
    InstanceClass("db.t4g.small", 0.4, 0.064),
    InstanceClass("db.m7g.large", 2, 0.336),
    InstanceClass("db.m7g.xlarge", 4, 0.672),
    InstanceClass("db.m7g.2xlarge", 8, 1.344),
    InstanceClass("db.m7g.4xlarge", 16, 2.688),
)


@dataclass(frozen=True)
class Constants:
    """What was measured, for events with an ``event_id`` in batches of 500."""

    client: float  # seconds of processor an event
    server: float
    compaction: float  # on the server too, up to a minute later
    compacted: float  # events per second, by one connection
    stored_bytes: float
    sent_bytes: float

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Constants":
        """Take them from the record."""
        stages = {
            row["stage"]: row["microseconds_per_event"]["median"] / 1e6
            for row in record["stages"]["rows"]
            if row["kind"] == "with event_id"
        }
        client = stages["… the function's part of it"]
        [compacting] = [
            row
            for row in record["compaction"]["rows"]
            if (row["kind"], row["task"]) == ("with event_id", Compacting.name)
        ]
        copy = stages["COPY of ready rows, client and server"]  # which the ratio compares with
        relations = [row for row in record["storage"]["rows"] if row["part"] == "relations"]
        return cls(
            client=client,
            server=stages["the whole handler"] - client,
            compaction=copy / compacting["by_processor_time"]["median"],
            compacted=compacting["rate"]["median"],
            stored_bytes=sum(row["bytes_per_event"] for row in relations),
            sent_bytes=record["storage"]["rows"][0]["sent_bytes_per_event"],
        )

    @property
    def on_database(self) -> float:
        """Return the seconds of the database's processors that an event takes in all."""
        return self.server + self.compaction

    def rows(self) -> list[Row]:
        """Return them for reading."""
        return [
            {
                "constant": "the function's processor time per event, us",
                "measured": round(self.client * 1e6, 1),
            },
            {
                "constant": "the server's processor time per event, us",
                "measured": round(self.server * 1e6, 1),
            },
            {
                "constant": "the server's processor time per event for compaction, us",
                "measured": round(self.compaction * 1e6, 1),
            },
            {"constant": "bytes stored per event, indexes included", "measured": round(self.stored_bytes)},
            {"constant": "bytes sent per event", "measured": round(self.sent_bytes)},
        ]


@dataclass(frozen=True)
class Load:
    """A steady rate of events, and what follows from it."""

    rate: int
    constants: Constants

    @property
    def shards(self) -> int:
        """How many take the records, kept under nine tenths of their limits."""
        most = max(self.rate / SHARD_RECORDS, self.rate * self.constants.sent_bytes / SHARD_BYTES)
        return max(1, math.ceil(most / 0.9))

    @property
    def batch(self) -> float:
        """Events an invocation takes: what a shard gets in a window, or the batch size."""
        return min(BATCH, max(1.0, self.rate / self.shards * WINDOW))

    @property
    def invocations(self) -> float:
        """A second."""
        return self.rate / self.batch

    @property
    def duration(self) -> float:
        """Seconds of an invocation: it computes with its share of a processor, and waits for the database."""
        computing = self.batch * self.constants.client * MB_OF_ONE_PROCESSOR / MEMORY_MB
        return computing + self.batch * self.constants.server + ROUND_TRIPS

    @property
    def processors(self) -> float:
        """Return how many of the database's processors it keeps busy, compaction included."""
        return self.rate * self.constants.on_database

    @property
    def instance(self) -> InstanceClass | None:
        """The smallest class whose processors do it with room to spare."""
        wanted = self.processors / HEADROOM
        return next((each for each in CLASSES if each.processors >= wanted), None)

    @property
    def stored_gib_per_month(self) -> float:
        """What has to be bought, or dropped by retention."""
        return self.rate * SECONDS * self.constants.stored_bytes / 2**30

    def costs(self) -> Row:
        """Return the costs of a month, and those of a million events."""
        stream = self.shards * SHARD_HOUR * HOURS + self.rate * SECONDS / 1e6 * MILLION_PUT_UNITS
        function = self.invocations * SECONDS * self.duration * MEMORY_MB / 1024 * GB_SECOND
        function += self.invocations * SECONDS / 1e6 * MILLION_REQUESTS
        database = (self.instance.hour if self.instance else 0) * HOURS
        storage = self.stored_gib_per_month * STORAGE_GIB_MONTH
        total = stream + function + database + storage
        return {
            "stream_$": round(stream),
            "function_$": round(function),
            "database_$": round(database),
            "one_month's_storage_$": round(storage),
            "$_per_million_events": round(total / (self.rate * SECONDS / 1e6), 3),
        }

    def row(self) -> Row:
        """Return what follows from the rate."""
        return {
            "events/s": self.rate,
            "shards": self.shards,
            "invocations/s": round(self.invocations, 1),
            "ms_per_invocation": round(self.duration * 1000),
            "busy_functions": round(self.invocations * self.duration, 2),
            "database_processors_busy": round(self.processors, 3),
            "smallest_class": self.instance.name if self.instance else "none",
            "GiB_stored_per_month": round(self.stored_gib_per_month, 1),
        }


def write(record: dict[str, Any]) -> None:
    """Make ``docs/scaling.md`` anew from the record."""
    constants = Constants.of(record)
    loads = [Load(rate, constants) for rate in RATES]
    tables = {
        "constants": constants.rows(),
        "load": [load.row() for load in loads],
        "cost": [{"events/s": load.rate, **load.costs()} for load in loads],
        "shard": [_full_shard(constants)],
        "compaction": [{"events/s_one_compaction_could_do": round(constants.compacted)}],
        "classes": [
            {
                "class": each.name,
                "processors": each.processors,
                "events/s": round(each.processors * HEADROOM / constants.on_database),
                "$_per_month": round(each.hour * HOURS),
            }
            for each in CLASSES
        ],
    }
    lines = []
    for line in TEXT.read_text(encoding="utf-8").splitlines():
        lines += results.table(tables[line[2:-2]]) if line.startswith("{{") else [line]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _full_shard(constants: Constants) -> Row:
    full = Load(SHARD_RECORDS * 9 // 10, constants)
    return {
        "events/s_into_a_shard": full.rate,
        "events_per_invocation": round(full.batch),
        "ms_per_invocation": round(full.duration * 1000),
        "events/s_one_function_could_do": round(full.batch / full.duration),
    }
