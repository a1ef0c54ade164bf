"""The shipped projections twice, made by compaction and made at once, and what they have to agree on."""

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec
from asyncpg import Connection

from processor import migrations
from processor.pipeline import Pipeline
from processor.projections.projection import Immediate, Projection
from processor.records.kinesis import KinesisRecord
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import ARRIVAL, World, connect, event, parsed, record

# The same tables twice: made by compaction, as shipped, and made at once.
DEFERRED = SHIPPED.projections
AT_ONCE = tuple(
    Immediate(
        **{field.name: getattr(projection, field.name) for field in fields(projection)}
        | {"name": f"{projection.name}_at_once"}
    )
    for projection in DEFERRED
)


class Twice(Pipeline):
    """The shipped pipeline with each of its statements twice."""

    @cached_property
    def own_sql(self) -> Mapping[str, str]:
        shipped = SHIPPED.own_sql
        return {
            **shipped,
            **{f"{projection.name}_at_once": shipped[projection.name] for projection in DEFERRED},
        }


BOTH = Twice(
    **{field.name: getattr(SHIPPED, field.name) for field in fields(SHIPPED)}
    | {"projections": (*DEFERRED, *AT_ONCE)}
)
SETTINGS = Settings("no secret", pipelines={BOTH.name: BOTH}, pipeline=BOTH)
NAMES = [projection.name for projection in BOTH.projections]
TABLES = "".join(f"CREATE TABLE {p.name}_at_once (LIKE {p.name} INCLUDING ALL);" for p in DEFERRED)


def all_rows(projection: Projection) -> str:
    """Select everything except the number that a world happens to give a shard."""
    columns = ", ".join(name for name in projection.columns if name != "source_id")
    return f"SELECT {columns} FROM {projection.name} ORDER BY {', '.join(projection.key)}"  # noqa: S608 - declared names


ROWS = {projection.name: all_rows(projection) for projection in BOTH.projections}
Derived = dict[str, list[tuple[Any, ...]]]
SUMS_THAT_DOUBLES_GET_WRONG = (0.1, 0.2, 0.3, 1e15, -1e15, 1e-9, 7, None)
A_MONTH = 30 * 86_400_000  # as a number of records, because they arrive a millisecond apart


def at(number: int, shard: int = 0) -> KinesisRecord:
    """Return an event of one of a few students; two shards share some of the event_ids.

    Many happen at the same moment, so that the delivery decides which is the latest.
    """
    return record(
        number,
        event(
            number if number % 3 else number + 1000 * shard,
            student_id=f"s{number % 4}",
            event_type=("submission", "attendance", "quiz_score")[number % 3],
            score=SUMS_THAT_DOUBLES_GET_WRONG[number % len(SUMS_THAT_DOUBLES_GET_WRONG)],
            timestamp=datetime.fromtimestamp(ARRIVAL - number % 7 * 3600, UTC).isoformat(),
            event_id=... if number % 5 == 0 else event_id(number, shard),
            metadata=METADATA[number % len(METADATA)],
        ),
        shard=shard,
    )


# Each member is there, is missing, and has a value of the wrong kind.
METADATA: tuple[dict[str, Any], ...] = (
    {"course": "c", "assessment": "a", "max_score": 20, "status": "absent"},
    {"course": "c", "assessment": "a", "status": "present"},
    {"course": "c", "assessment": "b", "max_score": "20", "status": ["absent"]},
    {"assessment": "a", "max_score": 1e308},
    {"course": "x" * 201, "assessment": "", "status": "late"},
    {"course": None, "assessment": {"id": "a"}, "max_score": -1},
    {"course": 5, "assessment": "a", "max_score": 0},
    {},
    {"course": "é" * 200, "assessment": "é" * 200, "max_score": 12.5, "status": "excused"},
    {"course": "c", "assessment": "a" * 201},
    {"course": "c", "assessment": "a", "max_score": 20.5, "status": "absent"},
)


def event_id(number: int, shard: int) -> str:
    return f"00000000-0000-4000-8000-{number if number % 3 else number + 1000 * shard:012d}"


async def run(world: World, connection: Connection | None = None, **wanted: Any) -> dict[str, Any]:
    answer = await parsed(wanted).run(Session(connection or world.owner), SETTINGS)
    return dict(msgspec.to_builtins(answer))


async def rebuild(world: World) -> None:
    for projection in BOTH.projections:
        after: str | None = None
        while True:
            answer = await run(world, command="rebuild", projection=projection.name, after=after)
            after = answer["next"]
            if after is None:
                break


async def compact(world: World, *, chunks: int = 100) -> int:
    compacted: int = (await run(world, command="compact", chunks=chunks))["compacted"][BOTH.name]
    return compacted


async def keep_compacting(world: World, done: asyncio.Event) -> None:
    connection = await connect(world.owner_login)
    while not done.is_set():
        await run(world, connection, command="compact", chunks=2)
    await connection.close()


async def rows(world: World, name: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await world.owner.fetch(ROWS[name])]


async def derived(world: World) -> Derived:
    """Return what is derived, after checking that both ways agree with each other and with the log."""
    await compact(world)
    found = {projection.name: await rows(world, projection.name) for projection in DEFERRED}
    assert found == {
        projection.name: await rows(world, f"{projection.name}_at_once") for projection in DEFERRED
    }
    assert await run(world, command="check") == {"differences": dict.fromkeys(NAMES, 0)}
    return found


async def counted(world: World) -> int:
    """Return how many events the tables are derived from; all tables that count events must agree."""
    found = await derived(world)
    totals = {
        projection.name: sum(row[len(projection.key)] for row in found[projection.name])
        for projection in DEFERRED
        if projection.adds
    }
    [total] = set(totals.values())
    return int(total)


async def with_both_means(world: World) -> World:
    await world.owner.execute(TABLES)
    world.pipeline = BOTH
    await migrations.migrate(world.owner, world.login, [BOTH])
    return world
