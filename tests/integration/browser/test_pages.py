"""Every page and state in a browser is accessible, asks only its own host, and fits the screen's width."""

from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from portal.dashboard.source import UnavailableError
from processor.insight.answers import Overview
from tests.integration.browser.conftest import LOOKS, context_of, violations
from tests.unit.portal import samples
from tests.unit.portal.pipeline_samples import SamplePipeline
from tests.unit.portal.samples import Samples
from tests.waiting import wait_until

pytestmark = pytest.mark.long

PAGES = {
    "overview": "",
    "course": "course?id=MATH-101",
    "student": "student?id=student-0242",
    "pipeline": "pipeline",
    "redrive": "redrive?reason=invalid_member",
    "dismiss": "dismiss?reason=not_json",
    "search": "search?q=a",
    "nothing found": "search?q=zzz",
    "unknown": "course?id=nope",
}
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')"


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(
    browser: Browser, address: str, axe: str, shots: Path, *, name: str, look: str
) -> None:
    width, scheme = LOOKS[look]
    context = context_of(browser, width, scheme)
    page = context.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(address + PAGES[name])
    page.screenshot(path=shots / f"{name}, {look}.png", full_page=True)
    assert violations(page, axe) == []
    assert hosts == {address.split("/")[2]}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def test_every_fold_open_is_accessible(browser: Browser, address: str, axe: str) -> None:
    page = browser.new_page()
    for name in ("course", "student", "pipeline"):
        page.goto(address + PAGES[name])
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(page, axe) == []
    page.close()


class Empty(Samples):
    def overview(self) -> Overview:
        return replace(samples.overview(), courses=[], last_event_at=None)


@pytest.mark.parametrize("school", [Empty()])
def test_the_empty_page_is_accessible(browser: Browser, address: str, axe: str, shots: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    page.screenshot(path=shots / "empty.png", full_page=True)
    assert page.get_by_text("No courses yet").is_visible()
    assert violations(page, axe) == []
    page.close()


def test_the_first_paint_is_quick(browser: Browser, address: str) -> None:
    """The fastest of five counts, because the page cannot help what else the machine does."""
    page = browser.new_page()
    took = []
    for _ in range(5):
        page.goto(address + PAGES["course"])
        wait_until(lambda: bool(page.evaluate(f"{FIRST_PAINT}.length")), "the first paint", seconds=10)
        took.append(page.evaluate(f"{FIRST_PAINT}[0].startTime"))
    assert min(took) < 500
    page.close()


def test_a_page_is_read_without_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="MATH-101 Algebra").click()
    assert page.get_by_role("heading", level=1).inner_text() == "3 of 182 students need attention"
    page.get_by_role("link", name="Ada Adler").first.click()
    assert page.get_by_text("3 of 7 pieces of due work are missing").first.is_visible()
    context.close()


@pytest.mark.parametrize("script", [True, False])
def test_a_rejected_record_is_tried_again(
    browser: Browser, address: str, school: Samples, *, script: bool
) -> None:
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="Pipeline").click()
    page.get_by_text("score: expected a number, got text").first.click()
    assert page.get_by_text('"score": "<b>87</b>"').first.is_visible()
    page.get_by_role("link", name="Try this one again").first.click()
    assert page.get_by_text("Of 1 record, 1 can be stored today.").is_visible()
    page.get_by_role("button", name="Try them again").click()
    page.get_by_text("1 record stored.").wait_for()
    page.get_by_role("link", name="Dismiss all of these").last.click()
    page.get_by_label("Why nothing more has to be done").fill("a test message")
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("1 record dismissed.").wait_for()
    assert [call for call, _ in pipeline_of(school).calls] == ["redrive", "dismiss"]
    context.close()


@pytest.mark.parametrize("script", [True, False])
def test_a_student_at_risk_is_found_and_followed_up(browser: Browser, address: str, *, script: bool) -> None:
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="MATH-101 Algebra").click()
    assert page.get_by_text("not followed up").first.is_visible()
    page.get_by_role("link", name="Ada Adler").first.click()
    assert page.get_by_text("3 of 7 pieces of due work are missing").first.is_visible()
    page.get_by_text("Note a follow-up").first.click()
    page.get_by_label("What was done about MATH-101").fill("Talked after class")
    page.get_by_role("button", name="Keep the note").first.click()
    page.get_by_text("Talked after class").wait_for()
    assert page.locator("span.talk").filter(has_text="Followed up by turing").count() == 2
    assert page.locator("svg title").filter(has_text="Followed up by turing").count() == 2
    context.close()


def test_a_note_that_is_being_written_outlives_a_change(
    browser: Browser, address: str, school: Samples
) -> None:
    page = browser.new_page()
    page.goto(address + PAGES["student"])
    page.get_by_text("Note a follow-up").first.click()
    note = page.get_by_label("What was done about MATH-101")
    note.fill("Half a note")
    school.follow_up(uuid4(), "student-0242", "MATH-101", "by a colleague")
    page.get_by_text("by a colleague").wait_for(timeout=5_000)
    assert note.input_value() == "Half a note"
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.close()


def pipeline_of(school: Samples) -> SamplePipeline:
    assert isinstance(school.pipeline, SamplePipeline)
    return school.pipeline


def test_who_may_not_sees_no_payload(
    browser: Browser, address: str, school: Samples, axe: str, shots: Path
) -> None:
    pipeline_of(school).allowed = False
    page = browser.new_page()
    page.goto(address + "pipeline")
    assert page.get_by_text("ask for the stack’s operators policy").first.is_visible()
    page.screenshot(path=shots / "pipeline, no right.png", full_page=True)
    assert violations(page, axe) == []
    page.close()


def test_the_pipeline_page_follows_what_happens(browser: Browser, address: str, school: Samples) -> None:
    page = browser.new_page()
    page.goto(address + "pipeline")
    assert page.get_by_role("heading", level=1).inner_text() == "3 things need a look"
    pipeline_of(school).objects = []
    page.get_by_role("heading", name="2 things need a look").wait_for(timeout=5_000)
    page.close()


def test_the_keyboard_alone_finds_a_student(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("/")
    page.keyboard.type("adler")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=adler")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Ada Adler":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/student?id=student-0242")
    page.close()


def test_a_page_follows_what_happens_and_keeps_its_place(
    browser: Browser, address: str, school: Samples
) -> None:
    page = browser.new_page(viewport={"width": 800, "height": 400})
    page.goto(address + PAGES["course"])
    with page.expect_response("**/revision"):
        pass
    page.locator("summary", has_text="The numbers").first.click()
    page.locator("#work a").first.focus()
    page.evaluate("window.scrollTo(0, 300)")
    school.attend("student-0500")
    page.get_by_role("heading", name="4 of 182 students need attention").wait_for(timeout=5_000)
    assert page.evaluate("document.querySelectorAll('details')[1].open")
    assert page.evaluate("window.scrollY") == 300
    assert page.evaluate("document.activeElement.closest('table').id") == "work"
    assert page.locator("li.changed").count() == 1
    assert page.locator("#news").inner_text() == "4 of 182 students need attention"
    page.close()


class InTheMeantime(Samples):
    """Something happens after the overview was made and before the page looks for changes."""

    def overview(self) -> Overview:
        made = samples.overview() if self.version == "1" else replace(samples.overview(), courses=[])
        self.version = "2"
        return made


@pytest.mark.parametrize("school", [InTheMeantime()])
def test_what_happens_while_a_page_is_made_is_not_missed(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("heading", name="No student needs attention").wait_for(timeout=5_000)
    page.close()


class Recovering(Samples):
    """Nobody answers at first."""

    is_away = True

    def revision(self) -> str:
        if self.is_away:
            raise UnavailableError("no answer within 30 s")
        return super().revision()


RECOVERING = Recovering()


@pytest.mark.parametrize("school", [RECOVERING])
def test_a_page_that_could_not_be_made_tries_again_by_itself(
    browser: Browser, address: str, axe: str, shots: Path
) -> None:
    RECOVERING.is_away = True
    page = browser.new_page()
    page.goto(address)
    assert page.get_by_role("heading", name="The figures cannot be reached right now").is_visible()
    page.screenshot(path=shots / "unavailable.png", full_page=True)
    assert violations(page, axe) == []
    RECOVERING.is_away = False
    page.get_by_role("heading", name="9 students need attention").wait_for(timeout=20_000)
    page.close()
