"""Follow-ups: who may note one, where it shows, and what share of the students at risk had one."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from processor import environment, reading
from processor.commands import registry
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.secret import CURRENT
from processor.storage.session import Session
from tests.integration.processor.asking import CommandContext
from tests.integration.processor.rosters import apply
from tests.integration.processor.world import World, connect, record

SETTINGS = Settings("arn:secret")
NOW = datetime(2026, 11, 22, 13, tzinfo=UTC)
ROSTER: dict[str, list[dict[str, Any]]] = {
    "courses": [{"id": name, "title": name, "time_zone": "UTC"} for name in ("MATH", "HIST")],
    "enrolments": [
        {"course": "MATH", "person": "ada", "role": "student"},
        {"course": "MATH", "person": "turing", "role": "teacher"},
        {"course": "HIST", "person": "clio", "role": "teacher"},
    ],
    "people": [{"id": "ada", "display_name": "Ada Lovelace"}],
}
ADA = {"command": "follow_up", "course": "MATH", "student": "ada", "note": "Called", "who": "arn:turing"}


@pytest.fixture
async def reader(world: World) -> AsyncIterator[Session]:
    """A session with the reports function's login."""
    await apply(Session(world.owner), ROSTER)
    connection = await connect(world.reader_login)
    event = {"student_id": "eve", "event_type": "login", "metadata": {"course": "CLUB"}}
    await world.deliver([record(1, json.dumps(event).encode())])
    await world.pipeline.upkeep.compact(world.owner)
    yield Session(connection)
    await connection.close()


async def ask(session: Session, event: dict[str, Any]) -> dict[str, Any]:
    wanted = registry.parse(event, "reports")
    return dict(json.loads(msgspec.json.encode(await wanted.run(session, SETTINGS))))


async def noted(session: Session, **narrowed: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(session, {"command": "follow_ups", **narrowed}))["follow_ups"]
    return found


@pytest.mark.parametrize("teacher", [None, "turing"])
async def test_is_listed_with_who_when_and_whom(reader: Session, teacher: str | None) -> None:
    before = datetime.now(UTC)
    await ask(reader, ADA | {"as_teacher": teacher})
    [found] = await noted(reader, course="MATH", student="ada")
    assert before <= datetime.fromisoformat(found["followed_up_at"]) <= datetime.now(UTC)
    assert {name: found[name] for name in ("who", "course", "student", "display_name", "note")} == {
        "who": "arn:turing",
        "course": "MATH",
        "student": "ada",
        "display_name": "Ada Lovelace",
        "note": "Called",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"as_teacher": "clio"},
        {"as_teacher": "nobody"},
        {"as_teacher": "ada"},
        {"as_teacher": ""},
        {"course": "HIST"},
        {"course": "nope"},
        {"student": "turing"},
        {"student": "nobody"},
        {"course": "CLUB", "student": "eve", "as_teacher": "turing"},
        {"note": "  \n"},
    ],
)
async def test_nothing_is_noted_where_student_course_and_teacher_do_not_belong_together(
    reader: Session, change: dict[str, Any]
) -> None:
    with pytest.raises(CommandError):
        await ask(reader, ADA | change)
    assert await noted(reader) == []


async def test_a_course_that_no_roster_knows_has_the_students_of_its_events(reader: Session) -> None:
    await ask(reader, ADA | {"course": "CLUB", "student": "eve"})
    assert [found["student"] for found in await noted(reader)] == ["eve"]


async def test_the_same_id_once_more_adds_nothing(reader: Session) -> None:
    for note in ("Called", "Called", "something else"):
        await ask(reader, ADA | {"id": str(UUID(int=7)), "note": note})
    assert [found["note"] for found in await noted(reader)] == ["Called"]


async def test_a_teacher_sees_follow_ups_of_their_own_courses_only(reader: Session) -> None:
    await ask(reader, ADA)
    assert len(await noted(reader, as_teacher="turing")) == 1
    assert await noted(reader, as_teacher="clio") == []


async def test_nobody_but_the_owner_changes_one(reader: Session) -> None:
    await ask(reader, ADA)
    for statement in ("DELETE FROM follow_up", "UPDATE follow_up SET note = ''", "TRUNCATE follow_up"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.connection.execute(statement)


async def test_pages_lead_through_all_of_them(reader: Session) -> None:
    for number in range(5):
        await ask(reader, ADA | {"note": f"Call {number}"})
    seen, offset = [], 0
    while offset is not None:
        answer = await ask(reader, {"command": "follow_ups", "limit": 2, "offset": offset})
        seen += [found["note"] for found in answer["follow_ups"]]
        offset = answer["next"]
    assert seen == [f"Call {number}" for number in (4, 3, 2, 1, 0)]


async def test_the_share_is_of_what_began_a_week_ago_or_earlier(world: World, reader: Session) -> None:
    def days(number: float) -> datetime:
        return NOW - timedelta(days=number)

    # Four became at risk a week ago or earlier, and one later. A step from elevated to high does not count.
    began = [("soon", 20.0), ("late", 20.0), ("never", 20.0), ("just", 7.0), ("lately", 6.9)]
    changes = [("MATH", name, "none", "elevated", days(ago)) for name, ago in began]
    changes.append(("MATH", "soon", "elevated", "high", days(10)))
    await world.owner.executemany(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " VALUES ($1, $2, $3, $4, 1, '[]', $5)",
        changes,
    )
    talks = [("soon", 19.0), ("soon", 18.0), ("late", 12.9), ("just", 7.1), ("lately", 6.0)]
    await world.owner.executemany(
        "INSERT INTO follow_up VALUES (gen_random_uuid(), $2, 'arn:turing', 'MATH', $1, 'Called')",
        [(name, days(ago)) for name, ago in talks],
    )
    asked = {"command": "follow_ups", "at": NOW.isoformat()}
    assert (await ask(reader, asked))["share"] == {"flagged": 4, "followed_up": 1}
    assert (await ask(reader, asked | {"as_teacher": "clio"}))["share"] == {"flagged": 0, "followed_up": 0}
    assert (await ask(reader, asked | {"student": "late"}))["share"] == {"flagged": 1, "followed_up": 0}


def test_the_function_notes_who_asks_and_refuses_nobody(
    as_owner: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = as_owner
    environment.LOOP.run(apply(Session(world.owner), ROSTER))
    world.secrets[CURRENT] = world.reader_login
    database = world.processor(attempt=10)
    monkeypatch.setattr(environment, "database", lambda **_: database)
    assert "who is missing" in reading.handler(ADA | {"who": None}, CommandContext())["refused"]
    assert "id" in reading.handler(ADA, CommandContext())
    [looked] = environment.LOOP.run(world.owner.fetch("SELECT who, command, student_id FROM access_log"))
    assert tuple(looked) == ("arn:turing", "follow_up", "ada")
