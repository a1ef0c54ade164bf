"""Every route as every role: these tests check who gets what, and who is sent to sign in."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from itertools import product
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import portal.dashboard
from portal.dashboard.rights import TEACHERS
from portal.dashboard.sign_in import OPEN
from processor import environment
from tests.integration.dashboard.school import (
    COMMON,
    FIRST,
    FIRST_STUDENT,
    SECOND,
    SECOND_STUDENT,
    SECRET,
)
from tests.integration.processor.world import World

Open = Callable[[str | None], TestClient]

PARAMETERS = {"id", "q", "course"}
"""The parameters that say whom a page is about; the others only choose among what it shows."""

CHOOSING = {"sort", "table", "format"}
OF_OPERATORS = {"record", "reason"}
"""The parameters that choose rejected records for an action; no test does such an action here."""

OF_SIGN_IN = {"page", "state", "code", "error", "error_description"}
VALUES = ("", FIRST, SECOND, FIRST_STUDENT, SECOND_STUDENT, COMMON, "a", "Z", "nobody-here")
LOG = "SELECT who, command, coalesce(student_id, course) AS about FROM access_log ORDER BY id"


def paths(app: Starlette) -> list[str]:
    """Return every path that leads to a page, so that a new one is tested too."""
    mounts = [route for route in app.routes if isinstance(route, Mount)]
    assert [mount.path for mount in mounts] == ["/static"]
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) == len(app.routes) - 1
    return sorted({route.path for route in routes if route.path not in OPEN})


def changing(app: Starlette) -> set[str]:
    """Return the paths that change how events come in."""
    routes = [route for route in app.routes if isinstance(route, Route)]
    return {route.path for route in routes if "POST" in (route.methods or ())} - set(OPEN) - TEACHERS


def questions(app: Starlette) -> Iterator[str]:
    for path, parameter, value in product(paths(app), sorted(PARAMETERS), VALUES):
        yield f"{path}?{parameter}={value}"


def walk(client: TestClient, app: Starlette) -> Iterator[tuple[str, Response]]:
    """Ask every question, and ask for every table that a page offers."""
    for question in questions(app):
        answer = client.get(question)
        yield question, answer
        tables = re.findall(r'href="([^"]*format=csv[^"]*)"', answer.text)
        for table in {unescape(one) for one in tables}:
            address = table.lstrip(".").lstrip("/")
            yield (
                address,
                client.get(f"{question.partition('?')[0]}{address}" if address[0] == "?" else address),
            )


def test_no_parameter_of_a_page_is_forgotten() -> None:
    files = Path(portal.dashboard.__file__).parent.rglob("*.py")
    found = {name for file in files for name in re.findall(r"query_params\.get\(\"(\w+)\"", file.read_text())}
    # `spm dashboard` has the token.
    assert found - CHOOSING - OF_OPERATORS - OF_SIGN_IN - {"token"} == PARAMETERS


def test_a_stranger_gets_the_sign_in_and_nothing_else(app: Starlette, browser: Open) -> None:
    client = browser(None)
    for question in questions(app):
        answer = client.get(question)
        if question.startswith("/revision"):
            assert (answer.status_code, answer.text) == (401, "")
        else:
            assert (answer.status_code, answer.text) == (303, "")
            assert answer.headers["location"].startswith("./sign-in?page=")
        assert "etag" not in answer.headers
        assert client.post(question).status_code == 401
        assert "set-cookie" not in answer.headers


def test_a_teacher_gets_nothing_of_anothers_course(app: Starlette, browser: Open) -> None:
    client = browser("turing")
    seen = 0
    for question, answer in walk(client, app):
        said = answer.text
        for asked in (SECOND, SECOND_STUDENT):
            said = said.replace(asked, "") if asked in question else said  # a page may repeat the question
        assert SECRET not in said.lower(), question
        seen += FIRST in said
    assert seen > 3


@pytest.mark.parametrize("hidden", [SECOND, SECOND_STUDENT])
def test_another_teachers_course_looks_as_if_it_did_not_exist(
    app: Starlette, browser: Open, hidden: str
) -> None:
    client = browser("turing")
    nowhere = "x" * len(hidden)
    for path, parameter in product(paths(app), sorted(PARAMETERS)):
        is_there = client.get(f"{path}?{parameter}={hidden}")
        is_not = client.get(f"{path}?{parameter}={nowhere}")
        assert is_there.status_code == is_not.status_code
        if path != "/":  # the overview says how old its figures are
            assert is_there.text.replace(hidden, nowhere) == is_not.text


@pytest.mark.long
def test_the_others_teacher_gets_it_and_an_administrator_everything(app: Starlette, browser: Open) -> None:
    for who, own in (("noether", {SECOND}), ("head", {FIRST, SECOND})):
        client = browser(who)
        answers = dict(walk(client, app))
        assert {course for course in (FIRST, SECOND) if course in answers["/?id="].text} == own
        for course in own:
            assert answers[f"/course?id={course}"].status_code == 200
        assert "Zqx Zebra" in answers[f"/student?id={SECOND_STUDENT}"].text
        assert "zqx report is missing" in answers[f"/student?id={COMMON}"].text
        pages = {one: answer for one, answer in answers.items() if one.partition("?")[0] not in changing(app)}
        allowed = {200, 404} if who == "head" else {200, 403, 404}
        assert {answer.status_code for answer in pages.values()} <= allowed


def test_nobody_changes_anything_and_only_administrators_see_how_events_come_in(
    app: Starlette, browser: Open
) -> None:
    assert len(changing(app)) > 2
    for who, of_pipeline in (("turing", 403), ("head", 200)):
        client = browser(who)
        assert client.get("/pipeline").status_code == of_pipeline
        for path in changing(app):
            for question in (path, f"{path}?record=1", f"{path}?reason=not_utf8"):
                assert client.get(question).status_code in {400, 403}
                assert client.post(question, data={"because": "x"}).status_code in {400, 403}


def test_somebody_who_teaches_nothing_is_told_so(app: Starlette, browser: Open) -> None:
    client = browser("somebody")
    assert "You do not teach a course here" in client.get("/").text
    for question, answer in walk(client, app):
        assert answer.status_code in {200, 403, 404}, question
        assert "Algebra" not in answer.text


@pytest.mark.long
def test_every_look_is_in_the_access_log_with_who_looked(app: Starlette, browser: Open, world: World) -> None:
    looks = []
    for who in ("turing", "head"):
        client = browser(who)
        for question, answer in walk(client, app):
            path, _, about = question.partition("?id=")
            if path in {"/student", "/course"} and about and "&" not in about:
                assert answer.status_code in {200, 404}
                looks.append((who, path[1:], about))
    logged = [tuple(row) for row in environment.LOOP.run(world.owner.fetch(LOG))]
    assert len(looks) > 10
    assert set(looks) <= set(logged)
    assert {who for who, *_ in logged} == {"turing", "head"}


def test_a_teacher_notes_a_follow_up_in_an_own_course_only(browser: Open, world: World) -> None:
    client, other = browser("turing"), browser("noether")
    form = form_of(client.get(f"/student?id={COMMON}").text)
    assert FIRST in form["action"]
    fields = {"token": form["token"], "key": form["key"], "note": "Talked on the phone"}
    headers = {"sec-fetch-site": "same-origin"}
    assert other.post(f"/{form['action']}", data=fields, headers=headers).status_code == 403
    answer = client.post(f"/{form['action']}", data=fields, headers=headers)
    assert answer.status_code == 303, answer.text
    assert "Talked on the phone" in client.get(f"/student?id={COMMON}").text
    assert "Talked on the phone" not in other.get(f"/student?id={COMMON}").text
    theirs = form_of(other.get(f"/student?id={SECOND_STUDENT}").text)
    assert client.post(f"/{theirs['action']}", data=fields, headers=headers).status_code == 403
    rows = environment.LOOP.run(world.owner.fetch("SELECT who, course, student FROM follow_up"))
    assert [tuple(row) for row in rows] == [("turing", FIRST, COMMON)]


def form_of(text: str) -> dict[str, str]:
    """Return the action and the hidden fields of the page's first form about a student."""
    found = re.search(r'<form[^>]*action="(student\?[^"]*)".*?</form>', text, re.DOTALL)
    assert found is not None
    hidden = re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', found[0])
    return {"action": unescape(found[1]), **dict(hidden)}
