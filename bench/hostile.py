"""The worst that Lambda can deliver: 6 MB of each kind of event that cannot be stored, and more.

Each invocation runs in a process of its own, so its processor time and its largest memory are the function's.
"""

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.results import Row
from bench.server import new_target, server
from bench.workload import SOURCE
from processor import batch
from processor.environment import LOOP
from processor.records import kpl
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.connection import Database, Deadline
from processor.storage.secret import Login
from processor.student_performance import PIPELINE as SHIPPED

MOST_BYTES: Final = 6_000_000  # of an invocation's payload: Lambda's limit for an event source mapping
MOST_RECORDS: Final = 10_000  # of a batch
RECORD_BYTES: Final = 1_048_576 - 200  # of a Kinesis record's data
ENVELOPE_BYTES: Final = 420  # of a record in the payload, beside its data
SECONDS: Final = 60  # for one invocation: the function's own limit
SECONDS_ALLOWED: Final = 300  # for its process: what takes longer is a failure of the benchmark
ARRIVAL: Final = 1_795_348_800.0

_EVENT = b'{"student_id":"s","event_type":"e"'
_WIDE = b",".join(b'"n%d":1' % number for number in range(95_000))

SMALL: Final[Mapping[str, bytes]] = {
    "valid": _EVENT + b"}",
    "not_json: empty": b"",
    "not_json": b"{",
    "not_utf8": b"\xff",
    "not_an_object": b"1",
    "missing_member": b"{}",
    "invalid_member": b'{"student_id":1,"event_type":"e"}',
    "duplicate_member": _EVENT + b',"x":1,"x":1}',
    "lone_surrogate": _EVENT + b',"x":"\\ud800"}',
    "null_character": _EVENT + b',"metadata":{"a":"\\u0000"}}',
    "number_too_long": _EVENT + b',"metadata":{"a":1e1000}}',
    "too_deep": _EVENT + b',"x":' + b"[" * 101 + b"]" * 101 + b"}",
    "not_storable": _EVENT + b',"score":-1}',
    "valid: unknown member": _EVENT + b',"x":1}',
    "valid: escapes": _EVENT + b',"metadata":{"a":"\\u0022\\ud83d\\ude00"}}',
    "valid: leap second": _EVENT + b',"timestamp":"2026-06-30T23:59:60Z"}',
    "a frame in a frame": b"\xf3\x89\x9a\xc2" + bytes(16),
}
"""The smallest of each kind, sent in bulk."""

LARGE: Final[Mapping[str, bytes]] = {
    "100,000 names": _EVENT + b',"metadata":{' + _WIDE + b"}}",
    "100,000 names, the last twice": _EVENT + b',"metadata":{' + _WIDE + b',"n94999":2}}',
    "a megabyte of open brackets": _EVENT + b',"metadata":{"a":' + b"[" * 1_040_000,
    "a megabyte of brackets in a text": _EVENT + b',"metadata":{"a":"' + b"[" * 1_040_000 + b'"}}',
    "a megabyte of flat arrays": _EVENT + b',"metadata":{"a":[' + b"[]," * 340_000 + b"1]}}",
    "a megabyte of escapes": _EVENT + b',"metadata":{"a":"' + b"\\u0022" * 170_000 + b'"}}',
    "a megabyte of backslashes": _EVENT + b',"metadata":{"a":"' + b"\\\\" * 500_000 + b'"}}',
    "a megabyte of long numbers": _EVENT + b',"metadata":{"a":[' + b",".join([b"1e999"] * 170_000) + b"]}}",
    "a megabyte of digits": _EVENT + b',"metadata":{"a":' + b"9" * 1_040_000 + b"}}",
    "a megabyte of zeros": bytes(1_040_000),
    "a megabyte of text": _EVENT + b',"metadata":{"a":"' + b"x" * 1_040_000 + b'"}}',
}
"""Of the size that a record may have."""


def invocations() -> Iterator[tuple[str, Callable[[], list[KinesisRecord]]]]:
    """Yield the name of each invocation, and what makes its records."""
    for name, data in SMALL.items():
        yield f"{name}, plain", lambda data=data: _filled(data)  # type: ignore[misc]  # a default binds it
        yield f"{name}, aggregated", lambda data=data: _filled(_aggregate(data))  # type: ignore[misc]  # as above
    for name, data in LARGE.items():
        yield name, lambda data=data: _filled(data)  # type: ignore[misc]  # as above
    yield "more user records than a frame may hold", lambda: _filled(_frame(b"\x1a\x02\x1a\x00" * 260_000))
    yield "a frame whose digest is wrong", lambda: _filled(_aggregate(b"{}")[:-1] + b"\0")
    yield "no base64", lambda: [_record(number, "!" * 1_390_000) for number in range(4)]


def measure() -> list[Row]:
    """Return what the costliest took, of all invocations as they come and with a duplicate among them."""
    with server() as postgres:
        target = new_target(postgres)
        LOOP.run(refuse_negative_scores(target.owner_dsn))
        rows = [run(target.processor, name, duplicate=twice) for name in names() for twice in (False, True)]
    return [_worst(rows, cost) for cost in ("processor_seconds", "seconds", "mebibytes")] + [_all(rows)]


def _worst(rows: list[Row], cost: str) -> Row:
    worst = max(rows, key=lambda row: row[cost])
    with_duplicate = ", with a duplicate" if worst["duplicate"] else ""
    return {
        "figure": f"most {cost.replace('_', ' ')}",
        "of": worst[cost],
        "invocation": worst["figure"] + with_duplicate,
    }


def _all(rows: list[Row]) -> Row:
    lost = sum(
        row["deferred"] + abs(row["events"] - row["stored"] - row["duplicates"] - row["rejected"])
        for row in rows
    )
    return {"figure": "deferred or unaccounted for", "of": lost, "invocation": f"all {len(rows)}"}


def names() -> list[str]:
    """Return the names of the invocations."""
    return [name for name, _ in invocations()]


def run(login: Login, name: str, *, duplicate: bool) -> Row:
    """Return what an invocation cost, run in a process of its own; raise where that fails."""
    order = {
        "name": name,
        "duplicate": duplicate,
        "login": [login.host, login.port, login.username, login.password, login.dbname],
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_ALLOWED,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-2_000:]}")
    row: Row = json.loads(done.stdout)
    return row


async def refuse_negative_scores(owner_dsn: str) -> None:
    """Have PostgreSQL refuse what no decoder does, as an operator's own constraint would."""
    import asyncpg  # noqa: PLC0415 - the measured process does without

    owner = await asyncpg.connect(owner_dsn)
    await owner.execute("ALTER TABLE student_performance ADD CONSTRAINT sane CHECK (score >= 0)")
    await owner.close()


def main() -> None:
    """Run the invocation that the standard input names, and print what it cost."""
    order = json.load(sys.stdin)
    records = dict(invocations())[order["name"]]()
    login = Login(*order["login"])

    async def read(_arn: str, _stage: str) -> Login:
        return login

    database = Database(Settings("none", sslmode="disable"), read=read)
    if order["duplicate"]:
        records = [_stored_before(), *records][: len(records)]
        LOOP.run(batch.process(SHIPPED, records[:1], database, Deadline(60)))
    before, started, busy = _memory(), time.monotonic(), time.process_time()
    result = LOOP.run(batch.process(SHIPPED, records, database, Deadline(SECONDS)))
    saved = result.saved
    print(  # noqa: T201 - the parent reads it
        json.dumps(
            {
                "figure": order["name"],
                "duplicate": order["duplicate"],
                "records": len(records),
                "events": result.received,
                "seconds": round(time.monotonic() - started, 2),
                "processor_seconds": round(time.process_time() - busy, 2),
                "mebibytes": round(_memory()),
                "mebibytes_before": round(before),
                "stored": saved.stored,
                "duplicates": saved.duplicates,
                "rejected": saved.rejected.total(),
                "deferred": result.deferred,
                "retries": database.retries,
            }
        )
    )
    database.discard()


def _memory() -> float:
    """Return the most memory this program has had, in MiB (Linux).

    ``getrusage`` would tell the most that the program which started this one had, if that was more.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _stored_before() -> KinesisRecord:
    return _record(1, base64.b64encode(_EVENT + b"}").decode())


def _filled(data: bytes) -> list[KinesisRecord]:
    """Return as many records of this data as one invocation may hold, at least one."""
    text = base64.b64encode(data).decode()
    fitting = min(MOST_RECORDS, MOST_BYTES // (len(text) + ENVELOPE_BYTES))
    start = time.time_ns()  # of another invocation's numbers
    # Through JSON, as Lambda's runtime does it: no string is shared between records.
    one = json.dumps(_record(0, text))
    made: list[KinesisRecord] = [json.loads(one) for _ in range(max(1, fitting))]
    for number, record in enumerate(made):
        record["kinesis"]["sequenceNumber"] = f"{start}{number:09d}".zfill(56)
    return made


def _record(number: int, text: str) -> KinesisRecord:
    record: Any = {
        "eventID": f"{SOURCE.shard_id}:{number}",
        "eventSourceARN": SOURCE.stream_arn,
        "kinesis": {
            "sequenceNumber": f"{time.time_ns()}{number:09d}".zfill(56),
            "approximateArrivalTimestamp": ARRIVAL,
            "data": text,
        },
    }
    return record  # type: ignore[no-any-return]  # it has what the processor reads


def _aggregate(data: bytes) -> bytes:
    """Return a frame of as many user records with this data as a Kinesis record holds."""
    one = b"\x1a" + _varint(len(data)) + data
    user_record = b"\x1a" + _varint(len(one)) + one
    return _frame(user_record * min(RECORD_BYTES // len(user_record), kpl.MAX_USER_RECORDS))


def _frame(body: bytes) -> bytes:
    return kpl.MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()


def _varint(number: int) -> bytes:
    text = b""
    while number > 0x7F:
        text += bytes([number & 0x7F | 0x80])
        number >>= 7
    return text + bytes([number])


if __name__ == "__main__":
    main()
