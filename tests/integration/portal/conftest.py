"""A front door in the embedded cloud, which tests reach as a client would."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from emulation.cloud import EmbeddedCloud
from spm.aws import ingest
from spm.aws.addresses import local_address
from tests.integration.portal.door import DoorClient
from tests.support import Deployment
from tests.waiting import wait_until


@dataclass(frozen=True)
class EmbeddedDoorClient(DoorClient):
    """A client of a deployment in the embedded cloud."""

    deployment: Deployment


@pytest.fixture
def new_sender(
    embedded_cloud: EmbeddedCloud, door_deployment: Deployment
) -> Callable[..., EmbeddedDoorClient]:
    """Return a function that adds a sender under a name that nobody else has."""

    def add(student_id: str | None = None) -> EmbeddedDoorClient:
        name = f"sender-{uuid.uuid4().hex[:8]}"
        stack = door_deployment.stack
        secret = ingest.add(door_deployment.aws, stack, name, student_id, None)
        url = local_address(str(stack.ingest_url), embedded_cloud.endpoint_url)
        port = urlsplit(url).port
        assert port is not None
        client = EmbeddedDoorClient(url, port, name, secret, door_deployment)
        # The door reads the senders at most every two seconds, and does not know this one until then.
        wait_until(
            lambda: client.post("/xapi/statements", [])[0] != 401, "the new sender to be known", seconds=30
        )
        return client

    return add
