from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.dashboard import words
from processor.insight.answers import Attendance

NOW = datetime(2026, 11, 24, 9, 41, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW, "today"),
        (NOW - timedelta(days=1), "yesterday"),
        (NOW + timedelta(days=1), "tomorrow"),
        (NOW - timedelta(days=3), "Saturday"),
        (NOW + timedelta(days=3), "next Friday"),
        (NOW - timedelta(days=13), "11 November"),
        (NOW - timedelta(days=400), "20 October 2025"),
        (date(2026, 11, 24), "today"),
        (None, "never"),
    ],
)
def test_days_are_said_as_people_say_them(moment: datetime | None, said: str) -> None:
    assert words.day(moment, NOW, UTC) == said


def test_a_day_is_the_day_of_the_courses_zone() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert words.day(late, NOW, UTC) == "yesterday"
    assert words.day(late, NOW, ZoneInfo("Europe/Berlin")) == "today"


def test_few_are_counted_and_many_are_a_share() -> None:
    assert words.share(3, 7) == "3 of 7"
    assert words.share(160, 182) == "88 % of 182"
    assert words.share(0, 0) == "0 of 0"


def test_a_course_that_no_roster_knows_is_named_once() -> None:
    assert words.course("MATH-101", "Algebra") == "MATH-101 Algebra"
    assert words.course("MATH-101", "MATH-101") == words.course("MATH-101", "") == "MATH-101"


def test_attendance_is_said_in_a_sentence() -> None:
    assert words.attendance(Attendance(3, 0, 1, 0)) == "Came to 3 of 4 lessons."
    assert words.attendance(Attendance(19, 1, 5, 2)) == (
        "Came to 80 % of 25 lessons, 1 time late; excused 2 times."
    )
    assert words.attendance(None) == "Nobody noted who came to a lesson."


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("arn:aws:sts::123456789012:assumed-role/teacher/turing", "turing"),
        ("arn:aws:iam::000000000000:root", "root"),
        ("turing@school.example", "turing@school.example"),
    ],
)
def test_a_person_is_called_by_the_end_of_an_arn(who: str, said: str) -> None:
    assert words.person(who) == said


def test_counts_agree_with_their_noun() -> None:
    assert words.plural(1, "student") == "1 student"
    assert words.plural(1204, "student") == "1,204 students"
    assert words.plural(2, "match", "matches") == "2 matches"


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (720, "12 minutes"), (7200, "2 hours"), (200_000, "2 days")]
)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "several times per second"),
        (1.2, "every second"),
        (4.6, "every 5 seconds"),
        (60, "every minute"),
        (5_000, "every hour"),
        (200_000, "every 2 days"),
    ],
)
def test_how_often(seconds: float, said: str) -> None:
    assert words.every(seconds) == said


def test_a_clock_ahead_of_ours_is_now() -> None:
    assert words.ago(NOW + timedelta(seconds=5), NOW) == "0 seconds"
