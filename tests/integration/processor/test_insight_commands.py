"""What the commands about courses and students answer on a real PostgreSQL."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from processor.commands import registry
from processor.commands.command import About
from processor.errors import CommandError
from processor.insight import risk
from processor.storage.session import Session
from tests.integration.processor.rosters import apply
from tests.integration.processor.two_courses import AT, EVENTS, ask, session_of
from tests.integration.processor.world import World, record


@pytest.fixture
async def session(world: World) -> Session:
    return await session_of(world)


async def test_the_overview_counts_each_course(session: Session) -> None:
    answer = await ask(session, "overview")
    club, history, maths = answer["courses"]
    assert [club["id"], history["id"], maths["id"]] == ["CLUB", "HIST", "MATH"]
    assert (maths["students"], maths["high"], maths["elevated"], maths["risen"]) == (3, 1, 0, 1)
    assert maths["active"] == 2  # bob was last seen eleven days ago
    assert maths["handed_in"] == [{"title": "Essay", "done": 3, "of": 3}, {"title": "A2", "done": 0, "of": 3}]
    assert maths["by_week"] == [1, 3, 3]
    assert (club["students"], club["handed_in"]) == (1, [])  # no roster knows it
    assert history["by_week"] == []
    assert answer["last_event_at"] == "2026-11-21T10:00:00Z"
    assert answer["usual_seconds"] == 2 * 86_400 / 4  # four events on the last two days that have any


async def test_a_course_shows_work_by_the_latest_score_and_its_hours_in_its_own_zone(
    session: Session,
) -> None:
    answer = await ask(session, "course", course="MATH")
    exam, essay, second, pop = answer["work"]
    assert (essay["handed_in"], essay["late"], essay["median"], essay["of"]) == (3, 1, 25.0, 3)
    assert essay["bins"] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]  # 5, 25 and 90 %, because ada's regrade counts
    assert (second["title"], second["handed_in"], second["median"]) == ("A2", 0, None)
    assert (exam["id"], exam["counts"]) == ("EX", False)
    assert (pop["id"], pop["due_at"], pop["median"]) == ("pop", None, 70.0)
    assert answer["hours"][4][20] == 2  # 19:30 UTC on Friday is half past eight in Berlin
    assert answer["attendance"] == {"present": 1, "late": 0, "absent": 1, "excused": 0}
    assert answer["lessons"] == [{"day": "2026-11-20", **answer["attendance"]}]
    [cy] = answer["attention"]
    assert (cy["student"], cy["name"], cy["score"]) == ("cy", None, 2.75)
    assert cy["reasons"] == [{"rule": "missing", "sentence": "Both pieces of work are missing"}]


async def test_a_student_is_shown_what_is_missing_and_where_the_others_are(session: Session) -> None:
    answer = await ask(session, "student", student="cy")
    [maths] = answer["courses"]
    by_id = {work["id"]: work for work in maths["work"]}
    assert (by_id["A1"]["missing"], by_id["A2"]["missing"], by_id["EX"]["missing"]) == (True, True, False)
    assert by_id["A1"]["lower"] is None  # fewer than five scores are too few to compare with
    assert (maths["level"], maths["last_activity"]) == ("high", "2026-11-20T19:30:00Z")
    ada = await ask(session, "student", student="ada")
    assert (ada["name"], [course["id"] for course in ada["courses"]]) == ("Ada Lovelace", ["HIST", "MATH"])
    essay = next(work for work in ada["courses"][1]["work"] if work["id"] == "A1")
    assert (essay["per_cent"], essay["late"], essay["handed_in_at"]) == (90.0, False, "2026-11-09T10:00:00Z")


async def test_a_student_in_need_is_followed_up_once_somebody_talked_since(
    world: World, session: Session
) -> None:
    await world.owner.execute(
        "INSERT INTO risk_change (student, course, changed_at, from_level, level, score, reasons)"
        " VALUES ('cy', 'MATH', $1, 'none', 'high', 2.75, '[]')",
        datetime(2026, 11, 20, tzinfo=UTC),
    )

    async def talk(when: datetime) -> None:
        await world.owner.execute(
            "INSERT INTO follow_up VALUES (gen_random_uuid(), $1, 'turing', 'MATH', 'cy', 'Called')", when
        )

    async def seen() -> tuple[Any, Any]:
        [cy] = (await ask(session, "course", course="MATH"))["attention"]
        return cy["followed_up_at"], (await ask(session, "overview"))["courses"][2]["followed_up"]

    before = await ask(session, "revision")
    await talk(datetime(2026, 11, 19, tzinfo=UTC))  # this was before the student became at risk
    assert await seen() == (None, 0)
    assert await ask(session, "revision") != before
    await talk(datetime(2026, 11, 21, tzinfo=UTC))
    assert await seen() == ("2026-11-21T00:00:00Z", 1)
    [maths] = (await ask(session, "student", student="cy"))["courses"]
    assert [(one["at"], one["who"], one["note"]) for one in maths["follow_ups"]] == [
        ("2026-11-19T00:00:00Z", "turing", "Called"),
        ("2026-11-21T00:00:00Z", "turing", "Called"),
    ]
    [maths] = (await ask(session, "student", student="cy", at="2026-11-20T12:00:00Z"))["courses"]
    assert len(maths["follow_ups"]) == 1


async def test_attendance_of_a_student_is_counted(session: Session) -> None:
    counts = []
    for student in ("ada", "bob", "cy"):
        courses = (await ask(session, "student", student=student))["courses"]
        counts += [one["attendance"] for one in courses if one["id"] == "MATH"]
    there = [one for one in counts if one]
    assert None in counts
    assert {name: sum(one[name] for one in there) for name in there[0]} == {
        "present": 1,
        "late": 0,
        "absent": 1,
        "excused": 0,
    }


async def test_an_exception_excuses_or_moves_the_day(world: World, session: Session) -> None:
    await world.owner.execute(
        "INSERT INTO assessment_exception VALUES ('MATH', 'A1', 'cy', NULL, true),"
        " ('MATH', 'A2', 'cy', '2026-12-01T00:00:00Z', false),"
        " ('MATH', 'A1', 'bob', '2026-11-12T00:00:00Z', false)"
    )
    [maths] = (await ask(session, "student", student="cy"))["courses"]
    by_id = {work["id"]: work for work in maths["work"]}
    assert (by_id["A1"]["missing"], by_id["A1"]["excused"], by_id["A2"]["missing"]) == (False, True, False)
    [maths] = (await ask(session, "student", student="bob"))["courses"]
    assert not next(work for work in maths["work"] if work["id"] == "A1")["late"]


async def test_a_search_finds_parts_of_ids_and_names(session: Session) -> None:
    assert (await ask(session, "search", text="LOVE"))["found"] == [
        {"kind": "student", "id": "ada", "title": "Ada Lovelace"}
    ]
    assert [one["id"] for one in (await ask(session, "search", text="a"))["found"]] == ["MATH", "ada"]
    assert (await ask(session, "search", text="%"))["found"] == []
    assert (await ask(session, "search", text=" "))["found"] == []


@pytest.mark.parametrize(
    ("command", "parameters"),
    [
        ("course", {"course": "nope"}),
        ("student", {"student": "nope"}),
        ("course", {"course": "MATH", "at": "9999-12-31T23:59:59-10:00"}),
    ],
)
async def test_what_is_unknown_is_refused(session: Session, command: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        await ask(session, command, **parameters)


@pytest.mark.parametrize(
    ("event", "about"),
    [
        ({"command": "student", "student": "ada"}, About("ada", None)),
        ({"command": "course", "course": "MATH"}, About(None, "MATH")),
        ({"command": "overview"}, None),
        ({"command": "search", "text": "ada"}, None),
    ],
)
def test_whoever_looks_at_a_student_or_course_is_noted(event: dict[str, Any], about: About | None) -> None:
    assert registry.parse(event, "reports").about() == about


async def test_an_overview_is_the_same_from_what_an_evaluation_counted(
    world: World, session: Session
) -> None:
    counted = await ask(session, "overview")
    await risk.evaluate_due(world.owner, datetime.fromisoformat(AT))
    assert await world.owner.fetchval("SELECT count(*) FROM course_summary") == 2
    of_summaries = await ask(session, "overview")
    for name in ("students", "active", "handed_in"):
        assert [c[name] for c in of_summaries["courses"]] == [c[name] for c in counted["courses"]]
    # These are the evaluation's figures; a day later they are counted again.
    await world.owner.execute("UPDATE course_summary SET students = 77")
    assert [c["students"] for c in (await ask(session, "overview"))["courses"]] == [1, 77, 77]
    later = await ask(session, "overview", at="2026-11-23T14:00:00Z")
    assert [c["students"] for c in later["courses"]] == [1, 1, 3]


async def test_a_revision_changes_with_events_roster_and_risk(world: World, session: Session) -> None:
    seen = {(await ask(session, "revision"))["revision"]}
    await world.deliver([record(99, json.dumps(EVENTS[0] | {"student_id": "bob"}).encode())])
    await world.pipeline.upkeep.compact(world.owner)
    seen.add((await ask(session, "revision"))["revision"])
    await apply(session, {"enrolments": [{"course": "HIST", "person": "bob", "role": "student"}]})
    seen.add((await ask(session, "revision"))["revision"])
    assert len(seen) == 3
