"""Who was ever at risk, and since when, on a real PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.world import World, connect, parsed

SETTINGS = Settings("arn:secret")


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


async def ask(session: Session, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(
        await parsed({"command": "risk_flags", **parameters}).run(session, SETTINGS)
    )
    return answer


async def test_the_first_time_at_each_level_counts_whatever_came_later(world: World) -> None:
    await world.owner.execute("INSERT INTO course VALUES ('MATH', 'Algebra', 'UTC', NULL, '2026-12-18')")
    changes = [
        ("MATH", "ada", "none", "elevated", day(2)),
        ("MATH", "ada", "elevated", "high", day(5)),
        ("MATH", "ada", "high", "none", day(6)),
        ("MATH", "ada", "none", "high", day(9)),
        ("MATH", "bob", "none", "elevated", day(3)),
        ("CLUB", "ada", "none", "high", day(4)),
    ]
    await world.owner.executemany(
        "INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)"
        " VALUES ($1, $2, $3, $4, 1, '[]', $5)",
        changes,
    )
    reader = await connect(world.reader_login)
    session = Session(reader)
    first = await ask(session, limit=2)
    rest = await ask(session, limit=2, after=first["next"])
    await reader.close()
    assert [tuple(flag.values()) for flag in (*first["flags"], *rest["flags"])] == [
        ("CLUB", "ada", "2026-11-04T00:00:00Z", "2026-11-04T00:00:00Z", None),
        ("MATH", "ada", "2026-11-02T00:00:00Z", "2026-11-05T00:00:00Z", "2026-12-18T00:00:00Z"),
        ("MATH", "bob", "2026-11-03T00:00:00Z", None, "2026-12-18T00:00:00Z"),
    ]
    assert rest["next"] is None
