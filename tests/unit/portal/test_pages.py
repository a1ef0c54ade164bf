"""Every page, made from values: what it says, and what it never does."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from portal.dashboard.app import Dashboard, make_app
from portal.dashboard.source import UnavailableError
from processor.insight.answers import CoursePage, Level, Overview, RiskPoint, StudentPage, TalkedTo
from tests.unit.portal import samples
from tests.unit.portal.samples import NOW, Samples

PAGES = ("/", "/course?id=MATH-101", "/student?id=student-0242", "/search?q=a", "/course?id=nope", "/student")


class ChangedSchool(Samples):
    """The same school with another overview or course."""

    def __init__(self, *, first: Overview | None = None, math: CoursePage | None = None) -> None:
        super().__init__()
        self.first = first or samples.overview()
        self.math = math or samples.course()

    def overview(self) -> Overview:
        return self.first

    def course(self, key: str) -> CoursePage | None:
        return self.math if key == "MATH-101" else None


def client(source: Samples | None = None) -> TestClient:
    dashboard = Dashboard(lambda _: source or Samples(), now=lambda: NOW)
    return TestClient(make_app(dashboard), raise_server_exceptions=True)


def headline(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_small_and_asks_no_other_host(page: str) -> None:
    answer = client().get(page, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", answer.text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)
    assert len(answer.text) < 60_000


def test_the_headline_is_the_finding() -> None:
    assert headline(client().get("/").text) == "9 students need attention, 1 new since yesterday"
    assert headline(client().get("/course?id=MATH-101").text) == "3 of 182 students need attention"
    assert headline(client().get("/student?id=student-0242").text) == (
        "Needs attention in MATH-101; none in 1 other course"
    )


def test_one_student_needs_attention() -> None:
    line = replace(samples.overview().courses[0], high=1, elevated=0, risen=0)
    source = ChangedSchool(first=replace(samples.overview(), courses=[line]))
    assert headline(client(source).get("/").text) == "1 student needs attention"


def test_a_course_says_why_and_since_when() -> None:
    text = client().get("/course?id=MATH-101").text
    assert "3 of 7 pieces of due work are missing" in text
    assert "Since yesterday, followed up yesterday. Last seen yesterday." in text
    assert "Since 14 November, not followed up." in text
    assert "week 13 of 16" in text
    assert "Came to 93 % of 1,256 lessons, 49 times late; excused 28 times." in text


def test_every_table_of_a_course_is_csv() -> None:
    pages = client()
    for table in ("attention", "work", "attendance", "lessons"):
        lines = pages.get(f"/course?id=MATH-101&table={table}&format=csv").text.splitlines()
        assert len(lines) > 2, table


def test_a_course_draws_who_came_to_its_lessons() -> None:
    text = client().get("/course?id=MATH-101").text
    assert "Fewest came on 27 October: 87\u00a0%" in text
    assert "<title>27 Oct: 140 of 161</title>" in text
    assert text.count("lessons-title") == 2


@pytest.mark.parametrize("days", [0, 1])
def test_one_lesson_does_not_make_a_chart(days: int) -> None:
    few = replace(samples.course(), lessons=samples.course().lessons[:days])
    assert "lessons-title" not in client(ChangedSchool(math=few)).get("/course?id=MATH-101").text


def test_a_day_on_which_all_were_excused_has_no_share() -> None:
    first, *others = samples.course().lessons
    holiday = replace(first, present=0, late=0, absent=0, excused=161)
    pages = client(ChangedSchool(math=replace(samples.course(), lessons=[holiday, *others])))
    assert pages.get("/course?id=MATH-101").text.count('class="bar') == 10 + len(others)
    lines = pages.get("/course?id=MATH-101&table=lessons&format=csv").text.splitlines()
    assert lines[-1] == "2026-09-29,0,0,0,161,"


def test_a_course_without_lessons_says_so() -> None:
    text = (
        client(ChangedSchool(math=replace(samples.course(), attendance=None))).get("/course?id=MATH-101").text
    )
    assert "Nobody has noted attendance in this course" in text


def test_the_overview_says_who_was_followed_up() -> None:
    assert "3 of 8 followed up" in client().get("/").text


def test_a_student_shows_attendance_and_what_was_done() -> None:
    text = client().get("/student?id=student-0242").text
    assert "Came to 83 % of 23 lessons, 2 times late; excused 1 time." in text
    assert "Followed up by turing: <q>Called; hands in the essay on Friday</q>" in text
    assert "Nothing yet: no level has changed, and nobody has noted a follow-up." in text


def test_a_students_level_over_time_is_a_chart_with_follow_ups_on_it() -> None:
    text = client().get("/student?id=student-0242").text
    assert "High since 14 November, followed up once" in text
    assert "<title>Followed up by turing, 16 November, 10:41</title>" in text
    assert text.count('<g class="talk">') == 1
    assert text.count("levels-1-title") == 2  # the other course's level never changed, so it has no chart
    assert "levels-2-title" not in text


def test_only_follow_ups_since_attention_was_needed_again_count() -> None:
    first, *others = samples.student().courses
    levels: list[tuple[int, Level]] = [(30, "high"), (20, "none"), (10, "elevated")]
    changes = [RiskPoint(NOW - timedelta(days=days), 1, level) for days, level in levels]
    talks = [TalkedTo(NOW - timedelta(days=days), "turing", "Called") for days in (25, 15)]

    class Again(Samples):
        def student(self, _: str) -> StudentPage | None:
            again = replace(first, changes=changes, follow_ups=talks, level="elevated")
            return replace(samples.student(), courses=[again, *others])

    assert "Elevated since 14 November, followed up by nobody" in client(Again()).get("/student?id=x").text


def test_a_follow_up_is_kept_once_and_shown() -> None:
    source = Samples()
    pages = client(source)
    form = form_in(pages.get("/student?id=student-0242").text)
    fields = {"token": form["token"], "key": form["key"], "note": " Called <b> "}
    address = f"/{form['action'].replace('&amp;', '&')}"
    for _ in range(2):
        answer = pages.post(address, data=fields, headers={"origin": "http://testserver"})
        assert answer.status_code == 200
    assert [talk.note for talk in source.talks.values()] == ["Called <b>"]
    assert "<q>Called &lt;b&gt;</q>" in answer.text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"note": " "}, 400),
        ({"note": "x" * 2_001}, 400),
        ({"key": "no id"}, 400),
        ({"token": "wrong"}, 403),
        ({"token": ""}, 403),
    ],
)
def test_a_follow_up_that_cannot_be_kept_says_why(change: dict[str, str], status: int) -> None:
    source = Samples()
    pages = client(source)
    form = form_in(pages.get("/student?id=student-0242").text)
    fields = {"token": form["token"], "key": form["key"], "note": "Called"} | change
    answer = pages.post(
        f"/{form['action'].replace('&amp;', '&')}", data=fields, headers={"origin": "http://testserver"}
    )
    assert (answer.status_code, source.talks) == (status, {})
    assert headline(answer.text) == "Nothing was changed"


def form_in(text: str) -> dict[str, str]:
    """Return the first form for a follow-up."""
    found = re.search(
        r'method="post" action="([^"]+)".*?"token" value="(\w+)".*?"key" value="([\w-]+)"', text, re.DOTALL
    )
    assert found is not None
    return {"action": found[1], "token": found[2], "key": found[3]}


def test_of_many_students_the_first_are_shown_and_a_table_holds_all() -> None:
    person = samples.course().attention[0]
    many = [replace(person, student=f"s-{n}") for n in range(30)]
    text = (
        client(ChangedSchool(math=replace(samples.course(), attention=many))).get("/course?id=MATH-101").text
    )
    assert len(re.findall(r'data-key="person:', text)) == 8
    assert len(re.findall(r'data-key="attention:', text)) == 30
    assert "All 30 as a table, 22 more than above" in text


@pytest.mark.parametrize(
    ("query", "first"),
    [("sort=courses:course", "BIOL-130"), ("sort=courses:-students", "MATH-101"), ("sort=x", "MATH-101")],
)
def test_a_table_is_sorted_by_its_address(query: str, first: str) -> None:
    keys = re.findall(r'data-key="courses:([^"]+)"', client().get(f"/?{query}").text)
    assert keys[0] == first
    assert len(keys) == 3


def test_a_table_is_csv_at_the_same_address() -> None:
    answer = client().get("/?table=courses&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[1] == f"MATH-101,182,8,{145 / 182},160"
    assert client().get("/?table=nothing&format=csv").status_code == 404


def test_an_unknown_id_is_a_page_that_says_what_to_do() -> None:
    answer = client().get("/course", params={"id": "<b>"})
    assert answer.status_code == 404
    assert headline(answer.text) == "No course &lt;b&gt;"
    assert "ask whoever looks after the school’s list of courses" in answer.text


def test_data_is_text_whatever_it_holds() -> None:
    evil = "<script>alert(1)</script>\"'&"
    person = replace(samples.course().attention[0], student=evil, name=evil)
    text = (
        client(ChangedSchool(math=replace(samples.course(), attention=[person], title=evil)))
        .get("/course?id=MATH-101")
        .text
    )
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "student?id=%3Cscript%3E" in text


def test_nothing_has_come_yet() -> None:
    empty = replace(samples.overview(), courses=[], last_event_at=None)
    text = client(ChangedSchool(first=empty)).get("/").text
    assert "No courses yet" in text
    assert "spm roster import" in text


def test_old_data_says_how_old_it_is() -> None:
    old = replace(samples.overview(), last_event_at=NOW - timedelta(minutes=12), usual_seconds=4.6)
    text = client(ChangedSchool(first=old)).get("/").text
    assert "Nothing has come in for 12 minutes; usually something comes in every 5 seconds. What" in text
    assert "Nothing has come in for" not in client().get("/").text


class Away(Samples):
    def overview(self) -> Overview:
        raise UnavailableError("no answer within 30 s")


def test_an_error_says_what_still_holds() -> None:
    answer = client(Away()).get("/")
    assert answer.status_code == 503
    assert headline(answer.text) == "The figures cannot be reached right now"
    assert "Nothing is lost" in answer.text
    assert "no answer within 30 s" in answer.text


class Broken(Samples):
    def overview(self) -> Overview:
        raise ZeroDivisionError("secret")


def test_a_defect_is_a_page_without_details() -> None:
    app = make_app(Dashboard(lambda _: Broken(), now=lambda: NOW))
    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert (answer.status_code, headline(answer.text)) == (500, "This page could not be made")
    assert "secret" not in answer.text


def test_a_revision_answers_304_until_something_changes() -> None:
    source = Samples()
    first = client(source).get("/revision")
    tag = first.headers["etag"]
    assert client(source).get("/revision", headers={"if-none-match": tag}).status_code == 304
    source.version = "2"
    changed = client(source).get("/revision", headers={"if-none-match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)
