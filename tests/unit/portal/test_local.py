import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from portal.dashboard.local import LocalDoor


def page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("grades")


@pytest.fixture
def door() -> LocalDoor:
    return LocalDoor(8700)


@pytest.fixture
def client(door: LocalDoor) -> TestClient:
    guard = Middleware(BaseHTTPMiddleware, dispatch=door)
    app = Starlette(routes=[Route("/", page, methods=["GET", "POST"])], middleware=[guard])
    return TestClient(app, base_url="http://127.0.0.1:8700")


def test_the_printed_address_opens_once_and_its_cookie_stays(door: LocalDoor, client: TestClient) -> None:
    first = client.get("/", params={"token": door.token}, follow_redirects=False)
    assert first.status_code == 303
    assert "httponly" in first.headers["set-cookie"].lower()
    assert "samesite=strict" in first.headers["set-cookie"].lower()
    assert client.get("/").text == "grades"
    client.cookies.clear()
    assert client.get("/", params={"token": door.token}).status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "é", "\0"])
def test_nobody_else_comes_in(client: TestClient, token: str) -> None:
    answer = client.get("/", params={"token": token})
    assert (answer.status_code, "grades" in answer.text) == (401, False)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8700", "127.0.0.1:8701", ""])
def test_a_name_that_another_site_points_here_is_refused(
    door: LocalDoor, client: TestClient, host: str
) -> None:
    answer = client.get("/", params={"token": door.token}, headers={"host": host})
    assert answer.status_code == 403
    assert client.get("/", params={"token": door.token}).text == "grades"  # the token was not used up


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_what_another_origin_sends_is_refused(door: LocalDoor, client: TestClient, origin: str) -> None:
    client.get("/", params={"token": door.token})
    assert client.post("/", headers={"origin": origin}).status_code == 403
    assert client.post("/", headers={"origin": "http://127.0.0.1:8700"}).text == "grades"
