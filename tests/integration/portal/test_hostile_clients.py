"""Clients that misbehave: slow ones, and ones that hide a second request in the first."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from portal.ingest.senders import token
from tests.integration.portal.conftest import EmbeddedDoorClient
from tests.integration.portal.door import submission
from tests.integration.portal.test_front_door import stored

NewSender = Callable[..., EmbeddedDoorClient]
SLOW = 3.0  # seconds between the first and the second half of a body


def head(client: EmbeddedDoorClient, *more: str) -> bytes:
    lines = (
        "POST /xapi/statements HTTP/1.1",
        f"Host: {urlsplit(client.url).netloc}",
        f"Authorization: Bearer {token(client.sender, client.secret)}",
        "Content-Type: application/json",
        "X-Experience-API-Version: 1.0.3",
        *more,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def connect(client: EmbeddedDoorClient) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), timeout=30)


async def test_slow_clients_keep_nobody_waiting_and_one_that_never_ends_sends_nothing(
    new_sender: NewSender,
) -> None:
    client = new_sender()
    slow, never, other = submission("slow"), submission("never"), submission("other")
    body, unfinished = json.dumps(slow).encode(), json.dumps(never).encode()
    with connect(client) as one, connect(client) as two:
        one.sendall(head(client, f"Content-Length: {len(body)}") + body[:50])
        two.sendall(head(client, f"Content-Length: {len(unfinished)}") + unfinished[:-1])
        begun = time.monotonic()
        assert client.post("/xapi/statements", other) == (200, [other["id"]])
        assert time.monotonic() - begun < SLOW
        await asyncio.sleep(SLOW)
        one.sendall(body[50:])
        assert b" 200 " in one.recv(4096).splitlines()[0]
    assert {row["student_id"] for row in await stored(client, 2)} == {"slow", "other"}


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: {first}", "Transfer-Encoding: chunked"),
        ("Content-Length: {first}", "Content-Length: {all}"),
        ("Content-Length: {all}", "Content-Length : {first}"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Content-Length: {all}"),
    ],
)
async def test_a_request_hidden_in_another_ones_body_is_not_taken(
    lengths: tuple[str, ...], new_sender: NewSender
) -> None:
    client = new_sender()
    hidden = json.dumps({"student_id": "hidden", "event_type": "x", "score": 100}).encode()
    second = (
        f"POST /events HTTP/1.1\r\nHost: {urlsplit(client.url).netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {client.sender}.{'x' * 43}\r\nContent-Length: {len(hidden)}\r\n\r\n"
    ).encode() + hidden
    first = b"0\r\n\r\n"
    sizes = {"first": len(first), "all": len(first + second)}
    with connect(client) as raw:
        raw.sendall(head(client, *(line.format(**sizes) for line in lengths)) + first + second)
        answer = raw.recv(65536)
    assert b" 200 " not in answer
    last = submission("last")
    assert client.post("/xapi/statements", last)[0] == 200
    assert [row["student_id"] for row in await stored(client, 1)] == ["last"]
