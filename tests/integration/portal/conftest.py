"""A front door of the embedded cloud, reached as a client would."""

import http.client
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulation.cloud import EmbeddedCloud
from portal.ingest.senders import token
from spm.aws import ingest
from tests.support import Deployment, deploy
from tests.waiting import wait_until

XAPI = {"Content-Type": "application/json", "X-Experience-API-Version": "1.0.3"}


@dataclass(frozen=True)
class DoorClient:
    """Posts to the door; the name of its host is one that Python's resolver does not know."""

    deployment: Deployment
    url: str
    sender: str
    secret: str

    def post(
        self, path: str, body: object, headers: dict[str, str] | None = None, **more: str
    ) -> tuple[int, Any]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {
                "Host": parts.netloc,
                "Authorization": f"Bearer {token(self.sender, more.get('secret', self.secret))}",
                **(headers or XAPI),
            }
            connection.request(more.get("method", "POST"), path, data, sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None


@pytest.fixture(scope="session")
def door_deployment(embedded_cloud: EmbeddedCloud) -> Deployment:
    return deploy(embedded_cloud, f"door-{uuid.uuid4().hex[:6]}", ingest="true")


@pytest.fixture
def new_sender(embedded_cloud: EmbeddedCloud, door_deployment: Deployment) -> Callable[..., DoorClient]:
    """Add a sender of a name that nobody else has."""

    def add(student_id: str | None = None) -> DoorClient:
        name = f"sender-{uuid.uuid4().hex[:8]}"
        stack = door_deployment.stack
        secret = ingest.add(door_deployment.aws, stack, name, student_id, None)
        url = ingest.address(str(stack.ingest_url), embedded_cloud.endpoint_url)
        client = DoorClient(door_deployment, url, name, secret)
        # The door reads the senders again at most every two seconds: until then this one is unknown.
        wait_until(
            lambda: client.post("/xapi/statements", [])[0] != 401, "the new sender to be known", seconds=30
        )
        return client

    return add
