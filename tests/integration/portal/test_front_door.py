"""From a client's post to PostgreSQL, over the embedded cloud."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import psutil  # type: ignore[import-untyped]  # ships no types
import pytest

from spm.aws import ingest
from tests.integration.portal.conftest import EmbeddedDoorClient
from tests.integration.portal.door import EACH_FORMAT, submission, take_each_format

NewSender = Callable[..., EmbeddedDoorClient]


async def stored(client: EmbeddedDoorClient, count: int) -> list[asyncpg.Record]:
    """Wait until this many events of the sender are stored; return them."""
    connection = await asyncpg.connect(client.deployment.dsn)
    query = """SELECT event_id::text, student_id, event_type, score FROM student_performance
               WHERE metadata->>'sender' = $1 ORDER BY event_type, student_id"""
    deadline = time.monotonic() + 120
    try:
        while len(rows := await connection.fetch(query, client.sender)) < count:
            assert time.monotonic() < deadline, f"{len(rows)} of {count} events were stored"
            await asyncio.sleep(0.2)
    finally:
        await connection.close()
    return rows


async def test_what_each_door_takes_is_stored_with_its_senders_name(new_sender: NewSender) -> None:
    client = new_sender()
    take_each_format(client)
    assert [tuple(row)[1:] for row in await stored(client, 5)] == EACH_FORMAT


async def test_a_bad_statement_keeps_its_whole_batch_out(new_sender: NewSender) -> None:
    client = new_sender("account.name")
    good = submission("s1")
    status, answer = client.post("/xapi/statements", [submission("s2"), {**good, "verb": "submit"}])
    assert (status, [problem["position"] for problem in answer["problems"]]) == (400, [1])
    assert client.post("/caliper", {})[0] == 403
    assert client.post("/xapi/statements", good, secret="wrong")[0] == 401
    assert client.post("/xapi/statements", good)[0] == 200
    assert len(await stored(client, 1)) == 1


async def test_a_back_fill_is_taken_as_far_as_a_request_may_be_large(new_sender: NewSender) -> None:
    client = new_sender()
    many = [submission(f"s{number}") for number in range(10_000)]
    status, answer = client.post("/xapi/statements", many)
    assert (status, "send it in parts" in answer["error"]) == (413, True)
    status, ids = client.post("/xapi/statements", many[:5_000])
    assert (status, ids) == (200, [one["id"] for one in many[:5_000]])
    assert len(await stored(client, 5_000)) == 5_000


@pytest.mark.long
async def test_who_is_revoked_is_refused_within_a_minute(new_sender: NewSender) -> None:
    client = new_sender()
    assert client.post("/xapi/statements", [])[0] == 200
    ingest.revoke(client.deployment.aws, client.deployment.stack, client.sender)
    revoked = time.monotonic()
    while client.post("/xapi/statements", [])[0] == 200:
        assert time.monotonic() - revoked < 60
        await asyncio.sleep(0.5)


@pytest.mark.long
async def test_nothing_that_was_acknowledged_is_lost_when_the_function_is_killed(
    new_sender: NewSender,
) -> None:
    client = new_sender()
    killed = 0

    def send(number: int) -> list[str]:
        """Send the same document until it is acknowledged, as a client does."""
        batch = [submission(f"s{number}-{place}") for place in range(20)]
        deadline = time.monotonic() + 120
        while True:
            try:
                status, ids = client.post("/xapi/statements", batch)
            except (OSError, json.JSONDecodeError):
                status, ids = 0, []
            if status == 200:
                return [str(identity) for identity in ids]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill() -> int:
        name = f"student-performance-ingest-{client.deployment.suffix}"
        victims = [p for p in psutil.Process().children(recursive=True) if name in " ".join(_command(p))]
        for victim in victims[:1]:
            victim.kill()
        return len(victims[:1])

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, number) for number in range(40)]
        while not all(one.done() for one in sent) and killed < 5:
            await asyncio.sleep(1)
            killed += kill()
        acknowledged = [identity for one in sent for identity in one.result()]
    assert killed > 1
    rows = await stored(client, len(acknowledged))
    assert sorted(row["event_id"] for row in rows) == sorted(acknowledged)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
