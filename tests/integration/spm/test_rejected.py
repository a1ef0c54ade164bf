"""``spm rejected`` with list, show, export and redrive, on records that the real processor rejected."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from processor.commands.query import Query
from processor.commands.rejected import Rejected
from processor.commands.status import Status
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment

Reject = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def reject(deployed: Deployment) -> Reject:
    """Publish broken records, wait until they are rejected, and return the rejections."""

    def run(*payloads: bytes) -> list[dict[str, Any]]:
        entries = [Entry(payload, "key") for payload in payloads]
        for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, entries):
            pass
        wanted = {base64.b64encode(payload).decode() for payload in payloads}
        deadline = time.monotonic() + 180
        while True:
            rows = msgspec.to_builtins(deployed.commands.run(Rejected(limit=1000)).rejected)
            mine = [row for row in rows if row["payload"] in wanted]
            if len(mine) == len(payloads):
                return mine
            assert time.monotonic() < deadline, f"{len(mine)} of {len(payloads)} rejected"
            time.sleep(0.1)

    return run


def as_if_it_were_good(deployed: Deployment, row: dict[str, Any], payload: bytes) -> None:
    """Replace bytes that do not decode by ones that do, as if the code had changed since."""

    async def change() -> None:
        connection = await asyncpg.connect(deployed.dsn)
        try:
            await connection.execute(
                "UPDATE rejected_event SET payload = $1 WHERE sequence_number = $2",
                payload,
                row["sequence_number"],
            )
        finally:
            await connection.close()

    asyncio.run(change())


def test_list_and_show_name_reason_and_bytes(spm: Spm, reject: Reject) -> None:
    payload = f'["{uuid.uuid4().hex}"]'.encode()
    (row,) = reject(payload)
    number = row["sequence_number"]
    listed = json.loads(
        spm("rejected", "list", "--reason", "not_an_object", "--limit", "100000", "--json").stdout
    )
    assert row in listed
    assert "not_an_object" in spm("rejected", "list").stdout
    shown = spm("rejected", "show", number)
    assert shown.returncode == 0
    assert payload.decode() in shown.stdout
    assert json.loads(spm("rejected", "show", number, "--json").stdout) == row


def test_times_and_shards_narrow_the_list(spm: Spm, reject: Reject) -> None:
    (row,) = reject(f"nonsense {uuid.uuid4().hex}".encode())

    def listed(*options: str) -> bool:
        return row in json.loads(spm("rejected", "list", "--limit", "100000", "--json", *options).stdout)

    assert listed("--since", row["rejected_at"], "--shard", row["shard_id"])
    assert not listed("--until", row["rejected_at"])
    assert not listed("--since", "2999-01-01T00:00:00Z")
    assert not listed("--shard", "shardId-000000000099")
    assert not listed("--reason", "not_utf8")


def test_a_time_without_offset_is_refused_with_the_right_way_to_write_it(spm: Spm) -> None:
    result = spm("rejected", "list", "--since", "2026-01-01T00:00:00")
    assert result.returncode == 2
    assert "2026-01-01T00:00:00Z" in result.stderr


def test_export_gives_the_bytes_back(spm: Spm, reject: Reject, tmp_path: Path) -> None:
    payload = b"\xff\xfe" + uuid.uuid4().hex.encode()
    (row,) = reject(payload)
    raw, whole = tmp_path / "raw", tmp_path / "whole.jsonl"
    assert spm("rejected", "export", str(raw), "--raw", "--reason", "not_utf8").returncode == 0
    assert payload in raw.read_bytes().split(b"\n")
    exported = spm("rejected", "export", str(whole), "--reason", "not_utf8", "--json")
    rows = [json.loads(line) for line in whole.read_text().splitlines()]
    assert row in rows
    assert json.loads(exported.stdout) == {"exported": len(rows)}


def test_an_export_can_be_replayed_and_is_rejected_once(spm: Spm, reject: Reject, tmp_path: Path) -> None:
    (row,) = reject(f"[{uuid.uuid4().hex!r}]".encode())
    file = tmp_path / "rejected.jsonl"
    assert spm("rejected", "export", str(file), "--since", row["rejected_at"]).returncode == 0
    count = len(file.read_text().splitlines())
    replayed = spm("replay", "file", str(file), "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["records"] == count
    again = spm("rejected", "list", "--all", "--json", "--limit", "100000", "--since", row["rejected_at"])
    assert json.loads(again.stdout).count(row) == 1


def test_redrive_stores_what_decodes_today_once(spm: Spm, deployed: Deployment, reject: Reject) -> None:
    student = f"redriven-{uuid.uuid4().hex[:8]}"
    # The stream has only one shard, so the reason has to narrow the list.
    (row,) = reject(f'{{"student_id": "{student}", "event_type": "quiz", "event_type": "quiz"}}'.encode())
    assert row["reason"] == "duplicate_member"
    still = spm("rejected", "redrive", "--reason", "duplicate_member", "--json")
    assert still.returncode == 1
    assert json.loads(still.stdout)["stored"] == 0

    as_if_it_were_good(deployed, row, f'{{"student_id": "{student}", "event_type": "quiz"}}'.encode())
    dry = json.loads(spm("rejected", "redrive", "--reason", "duplicate_member", "--dry-run", "--json").stdout)
    assert (dry["stored"], dry["dry_run"]) == (1, True)
    assert events_of(deployed, student) == 0
    for stored in (1, 0):
        result = spm("rejected", "redrive", "--reason", "duplicate_member", "--json")
        assert result.returncode == 0
        done = json.loads(result.stdout)
        assert (done["stored"], done["still_rejected"]) == (stored, [])
        assert events_of(deployed, student) == 1
    listed = json.loads(spm("rejected", "list", "--all", "--reason", "duplicate_member", "--json").stdout)
    (marked,) = [each for each in listed if each["sequence_number"] == row["sequence_number"]]
    assert marked["redriven_at"]


def test_what_is_dismissed_is_kept_with_the_reason_and_asks_for_nothing(
    spm: Spm, reject: Reject, deployed: Deployment
) -> None:
    mark = uuid.uuid4().hex
    one, other = (row["sequence_number"] for row in reject(f"one {mark}".encode(), f"two {mark}".encode()))

    def open_now() -> int:
        return deployed.commands.run(Status()).rejected_open

    def listed(*options: str) -> set[str]:
        rows = json.loads(spm("rejected", "list", "--limit", "100000", "--json", *options).stdout)
        return {row["sequence_number"] for row in rows} & {one, other}

    before = open_now()
    assert listed() == {one, other}
    assert spm("rejected", "dismiss", one).returncode == 2  # --because is missing
    done = spm("rejected", "dismiss", one, "--because", "a test message")
    assert (done.returncode, done.stdout) == (0, "dismissed: 1\n")
    assert (listed(), listed("--all"), open_now()) == ({other}, {one, other}, before - 1)
    assert "dismissed_because a test message" in spm("rejected", "show", one).stdout

    twice = spm("rejected", "dismiss", one, "--because", "again")
    assert (twice.returncode, twice.stderr) == (
        1,
        "no open rejected record matches: see `spm rejected list --all`\n",
    )
    since = json.loads(spm("rejected", "show", other, "--json").stdout)["rejected_at"]
    many = ("rejected", "dismiss", "--reason", "not_json", "--since", since, "--because", "tests")
    assert spm(*many, "--dry-run").stdout.startswith("would be dismissed: ")
    refused = spm(*many, stdin="n\n")
    assert (refused.returncode, "Dismiss 1 rejected record?" in refused.stderr) == (1, True)
    assert listed() == {other}
    assert spm(*many, "--yes").returncode == 0
    assert listed() == set()


def events_of(deployed: Deployment, student: str) -> int:
    return len(deployed.commands.run(Query("student", {"student_id": student})).rows)


def test_an_unknown_record_is_one_line(spm: Spm) -> None:
    result = spm("rejected", "show", "123")
    assert result.returncode == 2
    assert result.stderr == "spm: no rejected record 123: see `spm rejected list --all`\n"
