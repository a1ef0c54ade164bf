"""What a teacher is told: all about the own course, and nothing about another."""

import json
from typing import Any

import pytest

from processor.commands import registry
from processor.commands.query import Query
from processor.errors import CommandError
from processor.reports import AS_TEACHER
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.two_courses import ask, session_of
from tests.integration.processor.world import World


@pytest.fixture
async def session(world: World) -> Session:
    return await session_of(world)


PARAMETERS: dict[str, dict[str, Any]] = {
    "course": {"course": "MATH"},
    "student": {"student": "cy"},
    "search": {"text": "a"},
    "follow_up": {"course": "MATH", "student": "cy", "note": "called", "who": "clio"},
    "risk_list": {"level": "none"},
    "follow_ups": {"at": "9999-01-01T00:00:00Z"},
}
"""The parameters that a command needs, or that make it tell something about the other course."""
OF_THE_SCHOOL = {
    "status": "figures of the whole pipeline",
    "export": "whole tables, for whoever may see all",
    "risk_rules": "numbers that are nobody's",
    "risk_flags": "everybody who was ever at risk, for an audit by whoever may see all",
    "alerts": "what was told over every channel, for whoever looks after these",
    "roster_show": "what the school imported",
    "roster_check": "what is wrong with what the school imported",
}
"""Commands that take no teacher, because pages for teachers do not use them, and what they tell."""
TELLS_NOTHING = ("revision", "follow_up")
"""The first is one text for the whole database, and the second only adds a row."""
SECRETS = ("MATH", "Algebra", "Essay", "bob", "cy", "CLUB", "missing")


def questions() -> list[tuple[str, dict[str, Any]]]:
    """Return every question that takes a teacher: each command and each report with that parameter."""
    asked: list[tuple[str, dict[str, Any]]] = []
    for name, kind in registry.KINDS.items():
        if kind.function != "reports" or "as_teacher" not in kind.__struct_fields__:
            continue
        if kind is not Query:
            asked.append((name, PARAMETERS.get(name, {})))
            continue
        asked += [
            (name, {"report": report, "parameters": {"student_id": "cy"} if report == "student" else {}})
            for report, found in SHIPPED.reports.items()
            if AS_TEACHER in found.parameters
        ]
    return asked


def test_every_command_that_tells_something_takes_a_teacher() -> None:
    taking = {name for name, _ in questions()}
    telling = {name for name, kind in registry.KINDS.items() if kind.function == "reports"}
    assert telling - taking == set(OF_THE_SCHOOL)
    reports = {parameters["report"] for name, parameters in questions() if name == "query"}
    assert set(SHIPPED.reports) - reports == {"tail"}


def secrets_in(answer: object) -> list[str]:
    text = json.dumps(answer)
    return [word for word in SECRETS if f'"{word}' in text]


@pytest.fixture
async def telling(world: World, session: Session) -> Session:
    """A session whose database has something in every table that a question reads."""
    await ask(session, "follow_up", course="MATH", student="cy", note="cy has been ill", who="turing")
    await world.owner.execute(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " VALUES ('MATH', 'cy', 'none', 'high', 2.75, '[]', '2026-11-22T03:00:00Z')"
    )
    await world.owner.execute(  # enough scores for a distribution to be shown
        "INSERT INTO student_assessment"
        " (course, assessment, student_id, month, handed_in_at, occurred_at, source_id, sequence_number,"
        " sub_sequence, score)"
        " SELECT 'MATH', 'A2', 'p' || n, '2026-11-01', at, at, 1, n::text, 0, n"
        " FROM generate_series(1, 10) AS n, (VALUES (timestamptz '2026-11-19')) AS moment (at)"
    )
    return session


@pytest.mark.parametrize(("command", "parameters"), questions())
async def test_a_teacher_hears_nothing_of_another_course(
    telling: Session, command: str, parameters: dict[str, Any]
) -> None:
    if command not in TELLS_NOTHING:
        everything = await ask(telling, command, **parameters)
        # These reports name no course, but their counts tell something about it.
        of_all = parameters.get("report") in ("types", "days")
        assert everything["rows"] if of_all else secrets_in(everything)
    try:
        answer = await ask(telling, command, as_teacher="clio", **parameters)
    except CommandError:
        return
    assert not secrets_in(answer)
    if command == "query":
        assert not [row for row in answer["rows"] if "HIST" not in row]


async def test_a_teacher_sees_all_of_their_course_and_no_other_course_of_a_student(session: Session) -> None:
    assert await ask(session, "course", course="MATH", as_teacher="turing") == await ask(
        session, "course", course="MATH"
    )
    ada = await ask(session, "student", student="ada", as_teacher="clio")
    assert [course["id"] for course in ada["courses"]] == ["HIST"]
    assert (await ask(session, "overview", as_teacher="nobody"))["courses"] == []
