"""Setting the rules of risk, excusing a student from a piece of work, and looking back at levels."""

from datetime import UTC, datetime
from typing import Any

import pytest

from processor.commands import registry
from processor.errors import CommandError
from processor.insight.measures import Rules
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.rosters import apply
from tests.integration.processor.world import World, parsed

SETTINGS = Settings("arn:secret")
COURSES = [{"id": name, "title": name, "time_zone": "UTC"} for name in ("HIST", "MATH")]
ROSTER: dict[str, list[dict[str, Any]]] = {
    "courses": COURSES,
    "assessments": [{"course": "MATH", "id": "A1", "title": "Essay", "due_at": "2026-11-10T12:00:00Z"}],
    "enrolments": [{"course": "MATH", "person": "ada", "role": "student"}],
}


@pytest.fixture
async def session(world: World) -> Session:
    session = Session(world.owner)
    await apply(session, ROSTER)
    return session


async def ask(session: Session, command: str, **parameters: Any) -> Any:
    return await parsed({"command": command, "who": "a test", **parameters}).run(session, SETTINGS)


async def rules(session: Session, **of: Any) -> dict[str, tuple[float, str | None]]:
    return {rule.name: (rule.value, rule.course) for rule in (await ask(session, "risk_rules", **of)).rules}


async def revisions(session: Session) -> dict[str, int]:
    return {
        row["id"]: row["revision"]
        for row in await session.connection.fetch("SELECT id, revision FROM course")
    }


async def test_a_course_has_its_own_rule_until_it_is_reset(session: Session) -> None:
    assert set(await rules(session)) == set(Rules._fields)
    before = await revisions(session)
    answer = await ask(session, "risk_rule_set", name="high_at", value=2.1, course="MATH")
    assert (answer.before.value, answer.rule.value, answer.courses) == (1.7, 2.1, 1)
    assert (await rules(session, course="MATH"))["high_at"] == (2.1, "MATH")
    assert (await rules(session, course="HIST"))["high_at"] == (1.7, None)
    after = await revisions(session)
    assert (after["MATH"] > before["MATH"], after["HIST"]) == (True, before["HIST"])
    answer = await ask(session, "risk_rule_set", name="high_at", course="MATH")
    assert (answer.before.course, answer.rule.value, answer.rule.course) == ("MATH", 1.7, None)


async def test_a_rule_of_every_course_leaves_those_with_their_own(session: Session) -> None:
    await ask(session, "risk_rule_set", name="silent_days", value=14, course="HIST")
    answer = await ask(session, "risk_rule_set", name="silent_days", value=10)
    assert answer.courses == 1
    assert (await rules(session, course="HIST"))["silent_days"] == (14, "HIST")
    assert (await rules(session, course="MATH"))["silent_days"] == (10, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "hihg_at", "value": 2}, "there is no rule hihg_at: there are missing_weight"),
        ({"name": "high_at", "value": 2, "course": "ART"}, "there is no course ART"),
        ({"name": "high_at"}, "value is missing"),
        ({"name": "missing_weight", "value": 11}, "a weight such as missing_weight may be at most 10"),
        ({"name": "high_at", "value": 0.5}, "elevated_at would be above high_at"),
        ({"name": "left_below", "value": 0.9}, "left_below has to be less than elevated_at"),
        ({"name": "absent_often_share", "value": 1.5}, "absent_often_share is a share"),
        ({"name": "absent_some_share", "value": 0.5}, "absent_some_share would be above"),
        ({"name": "elevated_at", "value": 1.65}, "elevated_at would be above high_at in HIST"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    session: Session, wrong: dict[str, Any], told: str
) -> None:
    await ask(session, "risk_rule_set", name="high_at", value=1.6, course="HIST")
    before = [await rules(session), await rules(session, course="HIST")]
    with pytest.raises(CommandError, match=told):
        await ask(session, "risk_rule_set", **wrong)
    assert [await rules(session), await rules(session, course="HIST")] == before


async def test_a_student_is_excused_gets_more_time_and_neither(session: Session) -> None:
    ada = {"course": "MATH", "assessment": "A1", "student": "ada"}
    before = (await revisions(session))["MATH"]
    first = await ask(session, "roster_except", **ada, word="excused")
    assert (first.before, first.now.excused) == (None, True)
    assert (await revisions(session))["MATH"] > before
    second = await ask(session, "roster_except", **ada, word="due", due_at="2026-12-01T00:00:00Z")
    assert (second.before, second.now.excused) == (first.now, False)
    assert second.now.due_at == datetime(2026, 12, 1, tzinfo=UTC)
    third = await ask(session, "roster_except", **ada, word="lift")
    assert (third.before, third.now) == (second.now, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"assessment": "A9"}, "the course MATH has no assessment A9"),
        ({"student": "bob"}, "bob is not a student of the course MATH"),
        ({"word": "due"}, "due_at is only for the word due"),
        ({"due_at": "2026-12-01T00:00:00Z"}, "due_at is only for the word due"),
        ({"word": "due", "due_at": "0001-12-01T00:00:00Z"}, "due_at is in the year 1"),
    ],
)
async def test_an_exception_of_what_is_not_there_is_refused(
    session: Session, wrong: dict[str, Any], told: str
) -> None:
    asked = {"course": "MATH", "assessment": "A1", "student": "ada", "word": "excused"}
    with pytest.raises(CommandError, match=told):
        await ask(session, "roster_except", **asked | wrong)
    assert not await session.connection.fetchval("SELECT count(*) FROM assessment_exception")


async def test_a_history_has_the_newest_first_and_its_pages_lead_on(session: Session) -> None:
    await session.connection.execute(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " SELECT CASE WHEN n % 2 = 0 THEN 'MATH' ELSE 'HIST' END, 'ada', 'none', 'high', n % 10, '[]', now()"
        " FROM generate_series(1, 7) AS n"
    )
    seen, before = [], None
    while True:
        answer = await ask(session, "risk_history", student="ada", limit=3, before=before)
        seen += [change.id for change in answer.changes]
        if (before := answer.next) is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7
    of_maths = await ask(session, "risk_history", course="MATH")
    assert {change.course for change in of_maths.changes} == {"MATH"}
    assert len(of_maths.changes) == 3


def test_the_subject_of_a_question_is_noted() -> None:
    history = registry.parse({"command": "risk_history", "student": "ada"}, "reports").about()
    assert history is not None
    assert history.student_id == "ada"
    assert registry.parse({"command": "risk_history"}, "reports").about() is None
