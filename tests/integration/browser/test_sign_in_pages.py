"""What somebody sees who is not signed in: every page of the sign-in, which has to be accessible."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware

from portal.dashboard import rights
from portal.dashboard.app import Dashboard, make_app
from portal.dashboard.provider import Provider
from portal.dashboard.session import PendingSignIn, Signer, Visitor
from portal.dashboard.sign_in import COOKIE, Registration, SignIn
from tests.integration.browser.conftest import LOOKS, context_of, serving, violations
from tests.unit.portal.samples import NOW, Samples

pytestmark = pytest.mark.long

SIGNER = Signer("k" * 32)
AWAY = Registration(Provider("http://127.0.0.1:9"), "dashboard", lambda: "secret", rights.mapped("sub", None))


@pytest.fixture
def registration() -> Registration | None:
    return AWAY


@pytest.fixture
def guarded(registration: Registration | None, school: Samples) -> Iterator[str]:
    """The pages behind a sign-in whose provider does not answer."""
    dashboard = Dashboard(lambda _: school, now=lambda: NOW)
    sign_in = SignIn(dashboard, SIGNER, registration)
    guards = [Middleware(BaseHTTPMiddleware, dispatch=sign_in)]
    with serving(make_app(dashboard, guards, sign_in.routes())) as address:
        yield address


def bring(page: Page, token: str) -> None:
    """Send this cookie as a header, because a browser accepts one of this name over https only."""
    page.set_extra_http_headers({"cookie": f"{COOKIE}={token}"})


def a_teacher(page: Page) -> None:
    bring(page, SIGNER.keep_visitor(Visitor("turing", is_administrator=False, began=SIGNER.now())))


def no_right(page: Page, address: str) -> None:
    a_teacher(page)
    page.goto(f"{address}pipeline")


def signed_out(page: Page, address: str) -> None:
    no_right(page, address)
    page.get_by_role("button", name="Sign out").click()


def session_expired(page: Page, address: str) -> None:
    a_teacher(page)
    page.goto(f"{address}student?id=student-0242")
    page.get_by_text("Note a follow-up").first.click()
    page.get_by_label("What was done about MATH-101").fill("Talked after class")
    page.context.clear_cookies()
    bring(page, "expired")
    page.get_by_role("button", name="Keep the note").first.click()


def provider_away(page: Page, address: str) -> None:
    page.goto(address)


def provider_refuses(page: Page, address: str) -> None:
    bring(page, SIGNER.keep_sign_in(PendingSignIn("state", "nonce", "verifier", "/")))
    said = "error=access_denied&error_description=The+account+is+locked"
    page.goto(f"{address}signed-in?state=state&{said}")


def another_begun(page: Page, address: str) -> None:
    page.goto(f"{address}signed-in?code=code&state=state")


STATES: dict[str, tuple[Callable[[Page, str], None], str]] = {
    "no right": (no_right, "You may not see this page"),
    "signed out": (signed_out, "You are signed out"),
    "session expired": (session_expired, "Your sign-in has ended"),
    "provider away": (provider_away, "You cannot be signed in"),
    "provider refuses": (provider_refuses, "The sign-in was refused"),
    "another begun": (another_begun, "This sign-in cannot be finished"),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_a_page_of_the_sign_in_is_accessible(
    browser: Browser, guarded: str, axe: str, shots: Path, *, state: str, look: str
) -> None:
    context = context_of(browser, *LOOKS[look])
    page = context.new_page()
    reach, title = STATES[state]
    reach(page, guarded)
    page.get_by_role("heading", name=title).wait_for()
    page.screenshot(path=shots / f"sign-in, {state}, {look}.png", full_page=True)
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    is_in = state == "no right"
    assert page.get_by_role("searchbox").count() == is_in
    assert page.get_by_role("link", name="Your courses" if is_in else "Sign in").is_visible()
    context.close()


@pytest.mark.parametrize("registration", [None])
def test_before_anybody_can_sign_in_the_page_says_what_to_do(
    browser: Browser, guarded: str, axe: str, shots: Path
) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 900})
    page.goto(guarded)
    assert page.get_by_role("heading", level=1).inner_text() == "Nobody can sign in yet"
    page.screenshot(path=shots / "sign-in, nobody yet.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page, axe) == []
    page.close()
