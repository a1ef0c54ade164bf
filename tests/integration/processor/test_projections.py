"""What projections derive from events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from processor import migrations
from processor.errors import CommandError
from tests.integration.processor.deriving import (
    A_MONTH,
    BOTH,
    METADATA,
    at,
    compact,
    counted,
    derived,
    rebuild,
    rows,
    run,
    with_both_means,
)
from tests.integration.processor.world import World, event, record


@pytest.fixture(name="world")
async def _world(world: World) -> World:
    return await with_both_means(world)


async def put(world: World, *events: dict[str, Any], first: int = 1) -> None:
    """Deliver events of one student, and compact them."""
    await world.deliver(
        [
            record(
                first + number, event(first + number, **{"student_id": "s", "event_type": "grade", **members})
            )
            for number, members in enumerate(events)
        ]
    )
    await compact(world)


def essay(**metadata: Any) -> dict[str, Any]:
    return {"course": "c", "assessment": "essay", **metadata}


async def result(world: World) -> dict[str, Any]:
    [found] = await world.owner.fetch("SELECT * FROM assessment_result")
    return dict(found)


async def test_the_latest_score_counts_and_the_earliest_hand_in(world: World) -> None:
    await put(
        world,
        {"score": 12.5, "timestamp": "2026-11-03T08:00:00Z", "metadata": essay(max_score=20)},
        {"score": 9, "timestamp": "2026-11-02T08:00:00Z", "metadata": essay(max_score=10)},
        {"score": ..., "timestamp": "2026-11-01T08:00:00Z", "metadata": essay(), "event_type": "submission"},
        {"score": ..., "timestamp": "2026-10-01T08:00:00Z", "metadata": essay()},
    )
    assert await result(world) == {
        "course": "c",
        "assessment": "essay",
        "student_id": "s",
        "handed_in_at": datetime(2026, 11, 1, 8, tzinfo=UTC),
        "scored_at": datetime(2026, 11, 3, 8, tzinfo=UTC),
        "score": 12.5,
        "max_score": 20,
    }


async def test_a_submission_alone_has_no_score_and_a_regrade_of_another_month_is_the_latest(
    world: World,
) -> None:
    await put(world, {"event_type": "submission", "score": ..., "metadata": essay()})
    assert (await result(world))["score"] is None
    await put(world, {"score": 5, "timestamp": "2026-11-20T08:00:00Z", "metadata": essay()}, first=A_MONTH)
    await put(world, {"score": 4, "timestamp": "2026-11-20T07:00:00Z", "metadata": essay()}, first=20)
    assert (await result(world))["score"] == 5
    assert await world.owner.fetchval("SELECT count(*) FROM student_assessment") == 2


async def test_of_two_scores_of_one_moment_that_of_the_later_delivery_counts(world: World) -> None:
    together = "2026-11-20T08:00:00Z"
    for number, score in ((2, 2), (3, 3), (1, 1)):
        await put(world, {"score": score, "timestamp": together, "metadata": essay()}, first=number)
    assert (await result(world))["score"] == 3


async def test_what_a_student_did_in_a_course(world: World) -> None:
    statuses = ("present", "late", "absent", "absent", "excused", "asleep")
    await put(
        world,
        *(
            {"event_type": "attendance", "score": ..., "metadata": {"course": "c", "status": s}}
            for s in statuses
        ),
        {"score": 0.1, "metadata": {"course": "c", "status": "absent"}},
        {"score": 0.2, "metadata": {"course": "c"}},
    )
    [found] = await world.owner.fetch("SELECT * FROM student_course")
    assert (found["events"], found["scored"], str(found["score_sum"])) == (8, 2, "0.3")
    assert [found[status] for status in ("present", "late", "absent", "excused")] == [1, 1, 2, 1]
    assert (found["last_at"] - found["first_at"]).total_seconds() == 7
    assert (found["last_at"] - found["first_absent_at"]).total_seconds() == 3


async def test_days_and_hours_of_a_course_are_utc(world: World) -> None:
    moments = ("2026-11-21T23:59:59+00:00", "2026-11-22T00:30:00+01:00", "2026-11-22T08:00:00Z")
    await put(
        world, *({"timestamp": moment, "score": 0.1, "metadata": {"course": "c"}} for moment in moments)
    )
    days = await world.owner.fetch("SELECT * FROM course_day ORDER BY day")
    assert [(str(day["day"]), day["event_type"], day["events"], str(day["score_sum"])) for day in days] == [
        ("2026-11-21", "grade", 2, "0.2"),
        ("2026-11-22", "grade", 1, "0.1"),
    ]
    hours = await world.owner.fetch("SELECT * FROM course_hour ORDER BY hour")
    assert [(hour["hour"].isoformat(), hour["events"]) for hour in hours] == [
        ("2026-11-21T23:00:00+00:00", 2),
        ("2026-11-22T08:00:00+00:00", 1),
    ]


async def test_who_came_to_a_lesson_is_counted_by_the_hour(world: World) -> None:
    statuses = ("present", "late", "absent", "absent", "excused", "asleep")
    at_nine = [{"event_type": "attendance", "metadata": {"course": "c", "status": one}} for one in statuses]
    others = {"event_type": "quiz", "metadata": {"course": "c", "status": "present"}}
    await put(world, *(one | {"timestamp": "2026-11-22T09:00:00Z"} for one in (*at_nine, others)))
    [hour] = await world.owner.fetch("SELECT * FROM course_hour")
    assert (hour["events"], hour["present"], hour["late"], hour["absent"], hour["excused"]) == (7, 1, 1, 2, 1)


async def test_every_event_is_counted_under_a_course_or_under_none(world: World) -> None:
    await world.deliver([at(number) for number in range(len(METADATA) * 3)])
    assert await counted(world) == len(METADATA) * 3
    courses = {row[0] for row in await rows(world, "student_course")}
    assert courses == {"c", "", "5", "é" * 200}
    found = {(row[0], row[1]) for row in await rows(world, "student_assessment")}
    assert found == {
        ("c", "a"),
        ("c", "b"),
        ("", "a"),
        ("5", "a"),
        ("é" * 200, "é" * 200),
        ("", '{"id": "a"}'),
    }
    maxima = await world.owner.fetch("SELECT DISTINCT max_score FROM student_assessment ORDER BY 1")
    assert [row[0] for row in maxima] == [12.5, 20, 20.5, None]


async def test_a_score_keeps_all_its_digits(world: World) -> None:
    await world.deliver([record(1, event(1, score=0.12345678901234568))])
    assert str((await derived(world))["student_course"][0][5]) == "0.12345678901234568"


BEFORE = """
    DROP TABLE student_assessment, student_course, course_day, course_hour CASCADE;
    DELETE FROM schema_migration WHERE pipeline = 'student-performance' AND version IN (2, 7);
    DELETE FROM chunk WHERE stored_at < now();
"""


async def test_what_was_stored_before_there_were_these_projections_is_compacted_into_them(
    world: World,
) -> None:
    for shard in (0, 1):
        await world.deliver([at(number, shard) for number in range(20)])
    await world.owner.execute(BEFORE)
    await world.deliver([at(number) for number in range(15, 30)])
    applied = await migrations.migrate(world.owner, world.login, [BOTH])
    assert applied == ["0002_projections", "0007_lessons"]
    assert await counted(world) == await world.count("student_performance")


async def test_a_batch_waits_as_one_row_without_data(world: World) -> None:
    await world.deliver([at(number) for number in range(7)])
    [chunk] = await world.owner.fetch("SELECT * FROM chunk")
    assert (chunk["log"], chunk["first"], chunk["last"]) == ("student_performance", f"{0:056d}", f"{6:056d}")
    assert await world.owner.fetchval("SELECT count(*) FROM student_course") == 0
    assert await compact(world) == 1
    assert await counted(world) == 7
    assert await compact(world) == 0


async def test_duplicates_do_not_count_again(world: World) -> None:
    batch = [at(number) for number in range(20)]
    await world.deliver(batch)
    assert await counted(world) == 20
    await world.deliver(batch)
    await world.deliver([*batch, at(21)][::-1])
    assert await counted(world) == 21


async def test_an_unknown_projection_is_named(world: World) -> None:
    with pytest.raises(
        CommandError,
        match="student-performance has no projection grades: use one of student_assessment, stu",
    ):
        await run(world, command="rebuild", projection="grades")


async def test_an_event_that_an_immediate_projection_refuses_is_rejected_and_the_others_are_stored(
    world: World,
) -> None:
    await world.owner.execute(
        "ALTER TABLE student_course_at_once ADD CONSTRAINT no_s1 CHECK (student_id <> 's1')"
    )
    saved = (await world.deliver([at(number) for number in range(8)])).saved
    assert (saved.stored, dict(saved.rejected)) == (6, {"not_storable": 2})
    assert await counted(world) == 6


async def test_what_was_dropped_stays_dropped_and_its_figures_stay(world: World) -> None:
    old, new = [at(number) for number in range(10)], [at(A_MONTH + number) for number in range(10)]
    await world.deliver([*old, *new])
    before = await rows(world, "student_assessment_at_once")
    await run(world, command="retention", older_than="2026-12", kinds=["events"], dry_run=False)
    for _ in range(2):
        result = await world.deliver([*old, *new])
        assert (result.saved.stored, result.saved.duplicates, result.saved.expired) == (0, 10, 10)
        assert (result.received, result.first_deferred) == (20, None)
    assert (await derived(world))["student_assessment"] == before
    await rebuild(world)
    assert (await derived(world))["student_assessment"] == before
    assert await world.count("student_performance") == 10
