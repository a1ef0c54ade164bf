"""The made-up school's events fit its roster, and students in trouble can be told from the others."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from processor.records.native import parse
from spm.roster.files import File
from spm.roster.plain import read_plain
from spm.school import TROUBLES, School, Trouble, happenings, make, roster_files
from spm.term import NativeEvent

UNTIL = date(2026, 11, 24)


@pytest.fixture(scope="module")
def school() -> School:
    return make(200, 8, 7, UNTIL)


@pytest.fixture(scope="module")
def events(school: School) -> list[NativeEvent]:
    return happenings(school, 7)


def tables(school: School) -> dict[str, File]:
    files = {}
    for name, rows in roster_files(school).items():
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        files[name] = File(name, text.getvalue().encode())
    return files


def test_the_same_arguments_give_the_same_school(school: School, events: list[NativeEvent]) -> None:
    assert make(200, 8, 7, UNTIL) == school
    assert happenings(school, 7) == events
    assert make(200, 8, 8, UNTIL) != school


def test_its_roster_is_right_and_every_event_fits_it(school: School, events: list[NativeEvent]) -> None:
    roster = read_plain(tables(school), "UTC")
    assert roster.problems == []
    assert {table: len(rows) for table, rows in roster.rows.items() if table != "enrolments"} == {
        "courses": 8,
        "assessments": 8 * 10,
        "people": 208,
    }
    for event in events:
        metadata = event["metadata"]
        assert (metadata["course"], event["student_id"], "student") in roster.rows["enrolments"]
        if "assessment" in metadata:
            assert (metadata["course"], metadata["assessment"]) in roster.rows["assessments"]
        parse(json.dumps(event).encode(), datetime.now(UTC))


def test_the_term_ends_with_the_day_before(events: list[NativeEvent]) -> None:
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert times[-1].startswith("2026-11-23")
    assert times[0].startswith("2026-09-0")


def test_scores_are_within_what_can_be_reached(school: School, events: list[NativeEvent]) -> None:
    most = {(course.id, work.id): work.max_score for course in school.courses for work in course.work}
    scored = [
        (score, most[event["metadata"]["course"], event["metadata"]["assessment"]])
        for event in events
        if (score := event.get("score")) is not None
    ]
    assert all(0 <= score <= maximum for score, maximum in scored)
    assert 0.6 < sum(score / maximum for score, maximum in scored) / len(scored) < 0.85


def figures(school: School, events: list[NativeEvent], trouble: Trouble | None) -> dict[str, float]:
    """Return what a teacher would see of the students in this trouble."""
    ids = {pupil.id for pupil in school.pupils if pupil.trouble == trouble}
    due = {(c.id, w.id): w for c in school.courses for w in c.work}
    theirs: list[Any] = [event for event in events if event["student_id"] in ids]
    kinds = Counter(event["event_type"] for event in theirs)
    handed_in = [event for event in theirs if event["event_type"] == "submission"]
    late = [
        event
        for event in handed_in
        if datetime.fromisoformat(event["timestamp"])
        > due[event["metadata"]["course"], event["metadata"]["assessment"]].due
    ]
    quizzes = [
        (event["metadata"]["assessment"], event["score"])
        for event in theirs
        if event["event_type"] == "quiz_score"
    ]
    first, third = ([score for work, score in quizzes if work == name] for name in ("Q1", "Q3"))
    absent = [event for event in theirs if event["metadata"].get("status") == "absent"]
    last_week = [event for event in theirs if event["timestamp"] >= "2026-11-17"]
    return {
        "missing": 1 - kinds["submission"] / (5 * sum(len(p.courses) for p in school.pupils if p.id in ids)),
        "late": len(late) / len(handed_in),
        "falling": sum(first) / len(first) - sum(third) / len(third) if third else 0,
        "absent": len(absent) / kinds["attendance"],
        "silent": 0 if last_week else 1,
    }


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_few_are_in_each_trouble_and_can_be_told_from_the_others(
    school: School, events: list[NativeEvent], trouble: Trouble
) -> None:
    assert Counter(pupil.trouble for pupil in school.pupils)[trouble] == 3
    theirs, others = figures(school, events, trouble), figures(school, events, None)
    assert theirs[trouble] > 3 * max(0.05, others[trouble])
