import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.applications import Starlette

from portal.dashboard.app import Dashboard, make_app
from tests.engine import ROOT
from tests.integration.browser import chromium
from tests.unit.portal.pipeline_samples import SamplePipeline
from tests.unit.portal.samples import NOW, Samples
from tests.waiting import wait_until

SHOTS = ROOT / ".local" / "screenshots"
LOOKS = {f"{width} {scheme}": (width, scheme) for width in (375, 1440) for scheme in ("light", "dark")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A Chromium. If there is none, a plain run skips the test, and --all fails it.

    It is not made for the whole session, because Playwright runs an event loop in this thread, and no other
    loop can start while it does.
    """
    try:
        path = chromium.executable()
    except chromium.NoBrowserError as error:
        if request.config.getoption("--all"):
            raise
        pytest.skip(f"no browser: {error}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    return chromium.axe()


@pytest.fixture
def school() -> Samples:
    school = Samples()
    school.pipeline = SamplePipeline()
    return school


@pytest.fixture
def address(school: Samples) -> Iterator[str]:
    """The pages of a made-up school, served on a free port."""
    with serving(make_app(Dashboard(lambda _: school, now=lambda: NOW))) as address:
        yield address


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the server to start", seconds=20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def shots() -> Path:
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS


def context_of(browser: Browser, width: int, scheme: str) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=False,
    )


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("(rules) => axe.run(document, {runOnly: rules})", RULES)
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found["violations"]]
