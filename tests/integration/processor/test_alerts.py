"""Alerts on a real PostgreSQL: what is taken, how often, and what nobody is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from processor.commands import registry
from processor.commands.alerts import MOST_ATTEMPTS
from processor.commands.refresh import Refresh
from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.world import World, connect, parsed

SETTINGS = Settings("arn:secret")
REASON = '[{"rule": "missing", "adds": 2, "numbers": {"due": 3}, "sentence": "All work is missing."}]'


async def ask(session: Session, command: str, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(
        await parsed({"command": command, **parameters}).run(session, SETTINGS)
    )
    return answer


async def take(session: Session, channel: str = "sns", limit: int = 100) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await ask(session, "alerts_take", channel=channel, limit=limit))[
        "messages"
    ]
    return messages


async def change(
    session: Session, student: str, from_level: str, level: str, *, course: str = "MATH", ago: float = 0
) -> None:
    await session.connection.execute(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " VALUES ($1, $2, $3, $4, 2, $5, $6)",
        *(course, student, from_level, level, REASON, datetime.now(UTC) - timedelta(seconds=ago)),
    )


async def settled(session: Session, *courses: str) -> None:
    """Give each course a first change that is too old for an alert."""
    for course in courses:
        await change(session, "first", "none", "elevated", course=course, ago=100_000)


async def test_a_rise_is_told_once_over_each_channel(session: Session) -> None:
    await settled(session, "MATH")
    await session.connection.execute("INSERT INTO person VALUES ('ada', 'Ada Lovelace')")
    await session.connection.execute("INSERT INTO course VALUES ('MATH', 'Algebra', 'UTC')")
    await change(session, "ada", "none", "high")
    [message] = await take(session)
    assert {name: message[name] for name in ("channel", "course", "title", "level", "total")} == {
        "channel": "sns",
        "course": "MATH",
        "title": "Algebra",
        "level": "high",
        "total": 1,
    }
    [student] = message["students"]
    assert (student["student"], student["display_name"], student["score"]) == ("ada", "Ada Lovelace", 2.0)
    assert student["reasons"][0]["sentence"] == "All work is missing."
    assert await take(session) == []  # somebody else is sending it
    assert (await ask(session, "alerts_acknowledge", alert_id=message["alert_id"]))["noted"]
    assert not (await ask(session, "alerts_acknowledge", alert_id=message["alert_id"]))["noted"]
    [other] = await take(session, "webhook")
    assert other["alert_id"] != message["alert_id"]


async def later(session: Session, seconds: float) -> None:
    await session.connection.execute(
        "UPDATE alert SET leased_until = leased_until - make_interval(secs => $1)", seconds
    )


async def test_an_unacknowledged_message_goes_to_another_sender_with_the_same_id(session: Session) -> None:
    await settled(session, "MATH")
    await change(session, "ada", "none", "high")
    [first] = await take(session)
    await later(session, 91)
    assert await take(session) == [first]


async def test_a_failed_message_is_tried_again_after_longer_pauses_and_then_given_up(
    session: Session,
) -> None:
    await settled(session, "MATH")
    await change(session, "ada", "none", "high")
    pauses = []
    for _ in range(MOST_ATTEMPTS):
        [message] = await take(session)
        await ask(session, "alerts_acknowledge", alert_id=message["alert_id"], error="HTTP 500")
        assert await take(session) == []
        until = await session.connection.fetchval("SELECT leased_until FROM alert")
        pauses.append(round((until - datetime.now(UTC)).total_seconds()))
        await later(session, pauses[-1] + 1)
    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[-1] == 3600
    assert await take(session) == []
    answer = await ask(session, "alerts")
    assert (answer["waiting"], answer["given_up"]) == (0, 1)
    [listed] = answer["alerts"]
    assert (listed["given_up"], listed["error"], listed["attempts"]) == (True, "HTTP 500", MOST_ATTEMPTS)


async def test_a_level_is_told_once_per_episode_and_a_fall_is_never_told(session: Session) -> None:
    await settled(session, "MATH")
    for before, after in [
        ("none", "elevated"),
        ("elevated", "high"),
        ("high", "elevated"),
        ("elevated", "high"),
    ]:
        await change(session, "ada", before, after)
    assert [message["level"] for message in await take(session)] == ["elevated", "high"]
    for before, after in [("high", "none"), ("none", "high")]:
        await change(session, "ada", before, after)
    [again] = await take(session)
    assert again["level"] == "high"
    ids = {row["alert_id"] for row in (await ask(session, "alerts"))["alerts"]}
    assert len(ids) == 3


async def test_many_changes_at_once_become_one_digest_that_stays_the_same(session: Session) -> None:
    await settled(session, "MATH")
    for number in range(30):
        await change(session, f"s{number}", "none", "high" if number == 7 else "elevated")
    [digest] = await take(session)
    assert (digest["total"], len(digest["students"]), digest["level"]) == (30, 20, "high")
    await change(session, "s30", "none", "elevated")
    await later(session, 91)
    assert await take(session) == [digest]  # the one that came later waits for the next
    await session.connection.execute("UPDATE alert SET taken_at = taken_at - interval '2 minutes'")
    [other] = await take(session)
    assert other["students"][0]["student"] == "s30"


async def test_the_first_changes_of_a_course_are_one_digest(session: Session) -> None:
    at = datetime.now(UTC)
    await session.connection.executemany(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " VALUES ('NEW', $1, 'none', 'high', 2, '[]', $2)",
        [("ada", at), ("bob", at)],
    )
    [digest] = await take(session)
    assert digest["total"] == 2


async def test_nobody_is_told_about_a_muted_course_even_later(session: Session) -> None:
    await settled(session, "MATH", "HIST")
    assert (await ask(session, "alerts_mute", course="MATH"))["muted"] == ["MATH"]
    await ask(session, "alerts_mute", course="MATH")
    await change(session, "ada", "none", "high")
    await change(session, "ada", "none", "high", course="HIST")
    assert [message["course"] for message in await take(session)] == ["HIST"]
    assert (await ask(session, "alerts_mute", course="MATH", off=True))["muted"] == []
    await change(session, "bob", "none", "high")
    assert [message["students"][0]["student"] for message in await take(session)] == ["bob"]


async def test_changes_older_than_a_day_are_not_told(session: Session) -> None:
    await change(session, "ada", "none", "high", ago=86_401)
    assert await take(session) == []


async def test_the_reader_lists_them(world: World, session: Session) -> None:
    await settled(session, "MATH")
    await change(session, "ada", "none", "high")
    await take(session)
    connection = await connect(world.reader_login)
    [listed] = (await ask(Session(connection), "alerts", course="MATH"))["alerts"]
    await connection.close()
    assert (listed["student"], listed["changes"], listed["sent_at"]) == ("ada", 1, None)
    assert registry.KINDS["alerts"].function == "reports"


async def test_a_refresh_leaves_the_work_to_a_running_one_which_repeats(
    world: World, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await connect(world.owner_login)
    refreshed = []
    once = Refresh._once

    async def meanwhile(self: Refresh, own: Session, settings: Settings) -> Any:
        refreshed.append(1)
        if len(refreshed) == 1:
            assert (await Refresh(unless_busy=True).run(Session(connection), settings)).is_busy
        return await once(self, own, settings)

    monkeypatch.setattr(Refresh, "_once", meanwhile)
    assert not (await Refresh(unless_busy=True).run(session, SETTINGS)).is_busy
    assert len(refreshed) == 2
    assert not (await Refresh(unless_busy=True).run(Session(connection), SETTINGS)).is_busy
    await connection.close()
