"""Signing in at a real provider, staying, and leaving."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from portal.dashboard import handler, rights
from portal.dashboard.provider import Provider, ProviderError
from portal.dashboard.session import Signer, Visitor
from portal.dashboard.sign_in import COOKIE, Registration
from tests.integration.dashboard import provider
from tests.integration.dashboard.conftest import BASE, sign_in
from tests.integration.dashboard.school import FIRST

Open = Callable[[str | None], TestClient]


def begun(client: TestClient) -> str:
    """Ask for the first page, and return the provider's address to which it leads."""
    return str(client.get(client.get("/").headers["location"]).headers["location"])


def test_who_signs_in_comes_to_the_page_that_was_asked_for(browser: Open) -> None:
    client = browser(None)
    page = f"/course?id={FIRST}&sort=work:due"
    assert sign_in(client, "turing", page) == f".{page}"
    answer = client.get(page)
    assert "Algebra" in answer.text
    assert "Sign out" in answer.text
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=lax", "path=/"))
    assert "domain" not in cookie
    assert "set-cookie" not in client.get("/revision").headers  # an open page keeps nobody signed in


def test_every_answer_sets_one_cookie_at_most(browser: Open) -> None:
    client = browser(None)
    sent = client.get(client.get("/").headers["location"])
    done = client.get(provider.authorize(sent.headers["location"], sub="turing"))
    for answer in (sent, done, client.get("/"), client.post("/sign-out")):
        assert len(answer.headers.get_list("set-cookie")) == 1


def test_signing_out_ends_it(browser: Open) -> None:
    client = browser("turing")
    answer = client.post("/sign-out", headers={"sec-fetch-site": "same-origin"})
    assert "You are signed out" in answer.text
    assert 'data-revision=""' in answer.text  # so the script asks for nothing and is not sent to sign in
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        *({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}),
        *({"origin": "https://evil.example"}, {"origin": "null"}),
    ],
)
def test_another_site_signs_nobody_out(browser: Open, headers: dict[str, str]) -> None:
    client = browser("turing")
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.get("/").status_code == 200


def test_a_session_that_ended_leads_through_the_sign_in_and_back(browser: Open) -> None:
    client = browser("turing")
    client.cookies.set(COOKIE, "x.y.z", domain="dashboard.example")
    assert client.get("/revision").status_code == 401
    assert client.post("/").status_code == 401
    assert sign_in(client, "turing", f"/course?id={FIRST}") == f"./course?id={FIRST}"


def test_an_answer_that_belongs_to_no_sign_in_of_this_browser_is_refused(browser: Open) -> None:
    thief, victim = browser(None), browser(None)
    back = provider.authorize(begun(thief), sub="turing")
    for client in (victim, browser(None)):
        answer = client.get(back)
        assert answer.status_code == 400
        assert "cannot be finished" in answer.text
        begun(client)
        assert client.get(back).status_code == 400
    assert thief.get(back).status_code == 303


def test_a_code_serves_once_and_an_answer_opened_again_leads_home(browser: Open) -> None:
    client, other = browser(None), browser(None)
    back = provider.authorize(begun(client), sub="turing")
    pending = client.cookies[COOKIE]
    assert client.get(back).status_code == 303
    assert client.get(back).headers["location"] == "."
    other.cookies.set(COOKIE, pending, domain="dashboard.example")
    answer = other.get(back)
    assert answer.status_code == 502
    assert "invalid_grant" in answer.text


def test_who_declines_at_the_provider_is_told_what_to_do(browser: Open) -> None:
    client = browser(None)
    sent = begun(client)
    state = parse_qs(urlsplit(sent).query)["state"][0]
    back = provider.authorize(sent, action="deny")
    if "state=" not in back:  # this provider leaves it out when it refuses
        back += f"&state={state}"
    answer = client.get(back)
    assert answer.status_code == 403
    assert "The sign-in was refused" in answer.text
    assert "access_denied" in answer.text
    assert 'href="./sign-in"' in answer.text


def test_what_a_provider_says_is_text(browser: Open) -> None:
    client = browser(None)
    state = parse_qs(urlsplit(begun(client)).query)["state"][0]
    params = {"state": state, "error": "<script>alert(1)</script>"}
    assert "<script>alert" not in client.get("/signed-in", params=params).text


def app_of(
    issuer: str, secret: Callable[[], str | None] = lambda: "secret", subject: str = "sub"
) -> Starlette:
    rule = rights.mapped(subject, "groups=heads")
    return handler.make(Signer("k" * 32), Registration(Provider(issuer), "dashboard", secret, rule))


def client_of(app: Starlette) -> TestClient:
    return TestClient(app, base_url=BASE, follow_redirects=False)


def test_a_provider_that_is_away_is_a_page_that_says_so() -> None:
    answer = client_of(app_of("http://127.0.0.1:9")).get("/sign-in")
    assert answer.status_code == 502
    assert "You cannot be signed in" in answer.text
    assert "tell whoever runs the system" in answer.text


def test_a_secret_that_cannot_be_read_is_told(issuer: str) -> None:
    def unreadable() -> str:
        raise ProviderError("the secret that DashboardClientSecretArn names has to hold JSON")

    answer = client_of(app_of(issuer, unreadable)).get("/sign-in")
    assert (answer.status_code, "DashboardClientSecretArn" in answer.text) == (502, True)


def test_a_claim_that_is_asked_for_at_last_names_the_person(issuer: str) -> None:
    client = client_of(app_of(issuer, subject="email"))
    sign_in(client, "turing")
    visitor = Signer("k" * 32).read(client.cookies[COOKIE], Visitor)
    assert visitor is not None
    assert (visitor.subject, visitor.is_administrator) == ("turing@school.example", False)
    head = client_of(app_of(issuer, subject="email"))
    sign_in(head, "head")
    visitor = Signer("k" * 32).read(head.cookies[COOKIE], Visitor)
    assert visitor is not None
    assert visitor.is_administrator


def test_who_has_no_such_claim_does_not_come_in(issuer: str) -> None:
    client = client_of(app_of(issuer, subject="school_id"))
    answer = client.get(provider.authorize(begun(client), sub="turing"))
    assert (answer.status_code, "nothing about school_id" in answer.text) == (403, True)
    assert client.get("/").status_code == 303


def test_before_it_is_registered_the_page_says_what_to_do() -> None:
    client = client_of(handler.make(Signer("k" * 32), None))
    answer = client.get(client.get("/").headers["location"])
    assert answer.status_code == 200
    assert f"{BASE}/signed-in" in answer.text
    assert "dashboardClientId" in answer.text
    assert "Nobody can sign in yet" in client.get("/signed-in?code=x&state=y").text
