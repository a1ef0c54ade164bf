"""Risk: what one student's history leads to, and what is written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.integration.processor.diary import STUDENTS, Diary, enrol
from tests.integration.processor.world import World


def told(found: dict[str, Any]) -> dict[str, str]:
    return {reason["rule"]: reason["sentence"] for reason in found["reasons"]}


async def test_each_reason_says_what_how_much_compared_with_what_and_since_when(diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS[1:])
    for lesson in range(10):
        for student in STUDENTS:
            status = "absent" if student == "bob" and lesson in {3, 7} else "present"
            if student != "ada":
                diary.note(student, f"2026-09-{lesson + 14}T08:00:00Z", "attendance", status=status)
    await diary.refresh("2026-09-24T00:00:00Z")
    ada, bob, fay = [await diary.risk(student) for student in ("ada", "bob", "fay")]
    assert told(ada) == {
        "missing": "2 of 2 pieces of work due so far are missing: Essay and Quiz, due on 10 September and "
        "later. On average, 58 % of the work due in this course is missing.",
        "never": "Nothing has been handed in so far; the first work was due on 10 September. "
        "5 of 6 students in this course have handed in something.",
        "rank": "No score can be compared with others' yet, which counts as the middle of the course.",
        "silent": "Nothing has been heard in this course so far, while 5 of 6 students were active "
        "in the last 7 days.",
    }
    assert told(bob) == {
        "missing": "1 of 2 pieces of work due so far is missing: Quiz, due on 20 September. "
        "On average, 58 % of the work due in this course is missing.",
        "rank": "In 1 piece of work scored since 9 September, about 80 % of the scores in this course are "
        "better.",
        "absent": "Absent from 2 of 10 lessons (20 %) since 17 September. "
        "On average, students in this course miss 4 %.",
    }
    assert (float(ada["score"]), float(bob["score"]), float(fay["score"])) == (3.5, 2.3, 1.0)
    assert [reason["adds"] for reason in bob["reasons"]] == [1.0, 0.8, 0.5]
    assert bob["reasons"][2]["numbers"] == {
        "absent": 2,
        "lessons": 10,
        "since": "2026-09-17",
        "share_of_course": 0.04,
    }
    assert [row["level"] for row in (ada, bob, fay)] == ["high", "high", "elevated"]
    assert bob["since"] == datetime(2026, 9, 24, tzinfo=UTC)


async def test_work_is_missing_only_after_a_day_of_grace_and_a_course_is_evaluated_again_just_then(
    diary: Diary,
) -> None:
    assert await diary.refresh("2026-09-10T11:59:59Z") == {"courses": 1, "written": 6, "changes": 0}
    assert (await diary.refresh("2026-09-10T11:59:59Z"))["courses"] == 0
    assert (await diary.refresh("2026-09-10T12:00:00Z")) == {"courses": 1, "written": 0, "changes": 0}
    assert (await diary.refresh("2026-09-11T11:59:59Z"))["courses"] == 1  # a new day
    assert await diary.score("ada") == 0.5
    assert (await diary.refresh("2026-09-11T12:00:00Z")) == {"courses": 1, "written": 6, "changes": 6}
    assert await diary.score("ada") == 3.5


async def test_a_student_who_is_excused_or_has_more_time_misses_nothing(school: World, diary: Diary) -> None:
    later = datetime(2026, 9, 12, 8, tzinfo=UTC)
    await school.owner.execute("INSERT INTO assessment_exception VALUES ('math', 'A1', 'ada', NULL, true)")
    await school.owner.execute(
        "INSERT INTO assessment_exception VALUES ('math', 'A1', 'bob', $1, false)", later
    )
    await diary.refresh("2026-09-13T07:59:59Z")
    assert [await diary.score(student) for student in ("ada", "bob", "cleo")] == [0.5, 0.5, 3.5]
    assert (await diary.refresh("2026-09-13T08:00:00Z"))["courses"] == 1
    assert [await diary.score(student) for student in ("ada", "bob", "cleo")] == [0.5, 3.5, 3.5]


async def test_what_was_due_before_the_enrolment_began_is_not_due(school: World, diary: Diary) -> None:
    await enrol(school, "ada", begins=date(2026, 9, 15))
    await diary.refresh("2026-09-14T00:00:00Z")
    assert not await school.owner.fetch("SELECT FROM risk WHERE student = 'ada'")
    await diary.refresh("2026-09-16T00:00:00Z")
    assert await diary.score("ada") == 0.5


async def test_a_level_is_left_a_little_below_where_it_was_entered(school: World, diary: Diary) -> None:
    for at, value, expected in (
        ("2026-09-11T12:00:00Z", 3.5, "high"),
        ("2026-09-12T12:00:00Z", 3.6, "high"),
        ("2026-09-12T12:00:00Z", 3.75, "elevated"),
        ("2026-09-12T12:00:00Z", 3.6, "elevated"),
        ("2026-09-12T12:00:00Z", 3.5, "high"),
    ):
        await enter_high_at(school, value)
        assert (await diary.refresh(at))["courses"] == 1
        assert (await diary.risk("ada"))["level"] == expected
    assert await diary.changes("ada") == [("none", "high"), ("high", "elevated"), ("elevated", "high")]


async def test_on_a_courses_first_day_a_level_is_left_where_it_is_entered(
    school: World, diary: Diary
) -> None:
    """While the first data come in, everybody seems to miss everything, so that day's levels do not last."""
    for at, value, expected in (
        ("2026-09-12T12:00:00Z", 3.5, "high"),
        ("2026-09-12T13:00:00Z", 3.6, "elevated"),
        ("2026-09-12T14:00:00Z", 3.5, "high"),
        ("2026-09-13T12:00:00Z", 3.6, "high"),
    ):
        await enter_high_at(school, value)
        await diary.refresh(at)
        assert (await diary.risk("ada"))["level"] == expected


async def enter_high_at(school: World, value: float) -> None:
    await school.owner.execute(
        "INSERT INTO risk_rule VALUES ('math', 'high_at', $1)"
        " ON CONFLICT (course, name) DO UPDATE SET value = excluded.value",
        Decimal(str(value)),
    )


async def test_only_what_changed_is_written(school: World, diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert await diary.refresh("2026-09-13T12:00:00Z") == {"courses": 1, "written": 0, "changes": 0}
    others = "SELECT student, xmin FROM risk WHERE student <> 'ada' ORDER BY student"
    before = await school.owner.fetch(others)
    diary.note("ada", "2026-09-12T13:00:00Z", "login")
    assert await diary.refresh("2026-09-13T12:00:01Z") == {"courses": 1, "written": 0, "changes": 0}
    diary.note("ada", "2026-09-12T14:00:00Z", assessment="A1", score=10.5)  # regraded, still the lowest
    assert await diary.refresh("2026-09-13T12:00:02Z") == {"courses": 1, "written": 1, "changes": 0}
    assert await school.owner.fetch(others) == before
    diary.note("ada", "2026-09-12T15:00:00Z", assessment="A1", score=20)
    assert (await diary.refresh("2026-09-13T12:00:03Z"))["written"] == 6


async def test_a_student_who_leaves_or_whose_course_ends_is_at_no_risk(school: World, diary: Diary) -> None:
    await diary.refresh("2026-09-12T12:00:00Z")
    await enrol(school, "ada", ends=date(2026, 9, 13))
    await diary.refresh("2026-09-12T22:00:00Z")  # the 13th in Berlin
    assert not await school.owner.fetch("SELECT FROM risk WHERE student = 'ada'")
    assert await diary.changes("ada") == [("none", "high"), ("high", "none")]
    await diary.refresh("2026-11-30T23:00:00Z")
    assert not await school.owner.fetch("SELECT FROM risk")
    assert (await diary.changes("bob"))[-1] == ("high", "none")
    assert (await diary.refresh("2026-12-05T00:00:00Z"))["courses"] == 0


async def test_scores_above_the_maximum_or_negative_are_ranked_like_others(diary: Diary) -> None:
    for score, student in zip((-5, 3, 3, 3, 25, 1000), STUDENTS, strict=True):
        diary.note(student, "2026-09-09T10:00:00Z", assessment="A1", score=score)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [0.83, 0.5, 0.5, 0.5, 0.17, 0]


async def test_per_cent_counts_not_points(diary: Diary) -> None:
    for number, student in enumerate(STUDENTS[1:]):
        diary.note(student, "2026-09-09T10:00:00Z", assessment="A1", score=10 + number)  # of 20 points
    diary.note("ada", "2026-09-09T10:00:00Z", assessment="A1", score=45, max_score=100)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert await diary.score("ada") == 0.83


async def test_fewer_than_five_scores_make_no_rank(diary: Diary) -> None:
    diary.handed_in("A1", STUDENTS[:4])
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS[:4]] == [0.5] * 4


async def test_work_that_the_roster_does_not_have_is_ranked_and_never_due(diary: Diary) -> None:
    diary.handed_in("unheard of", STUDENTS)
    await diary.refresh("2026-09-10T00:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [0.83, 0.67, 0.5, 0.33, 0.17, 0]


async def test_what_does_not_count_is_neither_due_nor_ranked_but_handed_in(diary: Diary) -> None:
    diary.handed_in("EX", STUDENTS)
    await diary.refresh("2026-09-12T12:00:00Z")
    assert [await diary.score(student) for student in STUDENTS] == [2.5] * 6


async def test_events_of_a_course_that_is_not_in_the_roster_give_no_risk(school: World, diary: Diary) -> None:
    diary.note("ada", "2026-09-09T10:00:00Z", assessment="A1", score=1, course="alchemy")
    await diary.refresh("2026-09-10T00:00:00Z")
    assert {row["course"] for row in await school.owner.fetch("SELECT course FROM risk")} == {"math"}
