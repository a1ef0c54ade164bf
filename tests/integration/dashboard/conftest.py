"""The deployed dashboard's application on a real database, which it reaches through the reports handler."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from portal.dashboard import handler, rights, settings
from portal.dashboard.provider import Provider
from portal.dashboard.session import Signer
from portal.dashboard.sign_in import Registration
from processor import environment, reading
from processor.storage.secret import CURRENT
from processor.storage.session import Session
from tests.integration.dashboard import provider
from tests.integration.dashboard.school import EVENTS, RISKS, ROSTER
from tests.integration.processor.asking import CommandContext
from tests.integration.processor.conftest import as_owner, server
from tests.integration.processor.rosters import apply
from tests.integration.processor.world import World, record

__all__ = ["as_owner", "server"]

BASE = "https://dashboard.example"


class DirectReports:
    """The reports function, with its handler in this process."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  # as boto3 names them
        assert FunctionName == "reports"
        answer = reading.handler(json.loads(Payload), CommandContext())
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    with provider.running() as issuer:
        yield issuer


@pytest.fixture
def world(as_owner: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two courses with a student in common; this process logs in as the reader."""
    run = environment.LOOP.run
    run(apply(Session(as_owner.owner), ROSTER))
    as_owner.secrets[CURRENT] = as_owner.login
    events = [record(number, json.dumps(event).encode()) for number, event in enumerate(EVENTS)]
    run(as_owner.deliver(events))
    run(as_owner.pipeline.upkeep.compact(as_owner.owner))
    run(as_owner.owner.executemany("INSERT INTO risk VALUES ($1, $2, 2.5, 'high', $3, now(), now())", RISKS))
    as_owner.secrets[CURRENT] = as_owner.reader_login
    database = as_owner.processor(attempt=10)
    monkeypatch.setattr(environment, "database", lambda **_: database)
    monkeypatch.setenv(settings.REPORTS_FUNCTION, "reports")
    monkeypatch.setattr(handler, "_client", lambda _: DirectReports())
    return as_owner


@pytest.fixture
def app(world: World, issuer: str) -> Starlette:
    assert world.owner
    rule = rights.mapped("sub", "groups=heads")
    registration = Registration(Provider(issuer), "dashboard", lambda: "secret", rule)
    return handler.make(Signer("k" * 32), registration)


@pytest.fixture
def browser(app: Starlette) -> Callable[[str | None], TestClient]:
    """A browser in which this person is signed in, or nobody."""

    def open_it(who: str | None) -> TestClient:
        client = TestClient(app, base_url=BASE, follow_redirects=False)
        if who is not None:
            sign_in(client, who)
        return client

    return open_it


def sign_in(client: TestClient, who: str, page: str = "/") -> str:
    """Ask for a page, sign in at the provider on the way, and return the address at which that ended."""
    asked = client.get(page)
    assert asked.status_code == 303, asked.text
    sent = client.get(asked.headers["location"])
    back = provider.authorize(sent.headers["location"], sub=who)
    assert back.startswith(f"{BASE}/signed-in?")
    done = client.get(back)
    assert done.status_code == 303, done.text
    return str(done.headers["location"])
