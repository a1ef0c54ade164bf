import itertools
import json
import statistics
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from spm.cli import app
from spm.errors import InputError
from spm.term import (
    COURSES,
    EVENT_TYPES,
    TERM_DAYS,
    TERM_START,
    NativeEvent,
    generate,
    start_of_term_until,
)


@pytest.fixture(scope="module")
def events() -> list[NativeEvent]:
    return list(generate(5_000, 120, seed=3))


def test_the_same_arguments_give_the_same_events(events: list[NativeEvent]) -> None:
    assert list(generate(5_000, 120, seed=3)) == events


def test_another_seed_gives_other_events(events: list[NativeEvent]) -> None:
    other = {event["event_id"] for event in generate(5_000, 120, seed=4)}
    assert other.isdisjoint(event["event_id"] for event in events)


def test_exactly_as_many_events_as_asked(events: list[NativeEvent]) -> None:
    assert len(events) == 5_000
    assert list(generate(0, 1)) == []
    assert len(list(generate(1, 1))) == 1


def test_event_ids_are_distinct_version_7_uuids_in_time_order(events: list[NativeEvent]) -> None:
    ids = [uuid.UUID(event["event_id"]) for event in events]
    assert {(i.version, i.variant) for i in ids} == {(7, uuid.RFC_4122)}
    assert len(set(ids)) == len(ids)
    assert all(a.int >> 80 <= b.int >> 80 for a, b in itertools.pairwise(ids))


def test_timestamps_are_in_the_term_and_in_the_daytime(events: list[NativeEvent]) -> None:
    times = [datetime.fromisoformat(event["timestamp"]) for event in events]
    assert times == sorted(times)
    assert times[0] >= TERM_START
    assert times[-1] < TERM_START + timedelta(days=TERM_DAYS)
    assert {time.utcoffset() for time in times} == {timedelta(0)}
    assert all(8 <= time.hour < 22 for time in times)


def test_a_start_of_ones_own() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    assert next(generate(10, 2, start=start))["timestamp"].startswith("2030-01-0")


def test_a_term_until_a_day_has_events_of_its_last_week_and_none_of_that_day() -> None:
    day = date(2031, 5, 6)
    times = [e["timestamp"][:10] for e in generate(500, 10, start=start_of_term_until(day))]
    assert times[0] == "2031-02-11"
    assert times[-1] == "2031-05-05"


def test_students_courses_and_types_all_appear(events: list[NativeEvent]) -> None:
    assert {event["student_id"] for event in events} == {f"student-{n:04d}" for n in range(1, 121)}
    assert {event["metadata"]["course"] for event in events} == {name for name, _ in COURSES}
    assert {event["event_type"] for event in events} == set(EVENT_TYPES)
    assert {event["metadata"]["course"] for event in generate(200, 20, courses=2)} == {"MATH-101", "PHYS-110"}


def test_scores_are_points_of_graded_work_only(events: list[NativeEvent]) -> None:
    for event in events:
        if event["event_type"] in {"quiz_score", "submission"}:
            assert event["score"] is not None
            assert 0 <= event["score"] <= 100
        else:
            assert "score" not in event


def test_a_few_students_are_in_trouble() -> None:
    absent: Counter[str] = Counter()
    lessons: Counter[str] = Counter()
    for event in generate(40_000, 100, seed=1):
        if event["event_type"] == "attendance":
            lessons[event["student_id"]] += 1
            absent[event["student_id"]] += event["metadata"]["status"] == "absent"
    shares = {student: absent[student] / lessons[student] for student in lessons}
    often_absent = [student for student, share in shares.items() if share > 0.2]
    assert 1 <= len(often_absent) <= 15
    assert statistics.median(shares.values()) < 0.1


def test_an_event_is_json_of_a_few_hundred_bytes(events: list[NativeEvent]) -> None:
    sizes = [len(json.dumps(event)) for event in events]
    assert max(sizes) < 400


@pytest.mark.parametrize(
    ("students", "courses", "says"), [(0, 3, "at least one student"), (1, 0, "courses"), (1, 99, "courses")]
)
def test_impossible_arguments_are_refused(students: int, courses: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        next(generate(1, students, courses=courses))


def test_another_pipeline_has_no_made_up_events() -> None:
    done = CliRunner().invoke(app, ["generate", "-", "--pipeline", "attendance"])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == (
        "the pipeline attendance has no made-up events: they are all student-performance's"
    )
    same = ["generate", "-", "--events", "3", "--pipeline", "student-performance"]
    assert len(CliRunner().invoke(app, same).stdout.splitlines()) == 3
