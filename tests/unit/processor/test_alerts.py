"""Which rises are sent one by one, and which in a digest."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from processor.insight.alerts import MOST_IN_A_MINUTE, Planned, Rise, plan

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def rise(number: int, **members: object) -> Rise:
    whole = {
        "id": number,
        "course": "MATH",
        "student": f"student-{number}",
        "level": "high",
        "began_at": NOON,
        "is_first": False,
        "rises": 1,
        "had_digest": False,
    }
    return Rise(**(whole | members))  # type: ignore[arg-type]  # as Rise has them


def messages(planned: list[Planned]) -> set[UUID]:
    return {one.message for one in planned}


def test_a_few_are_sent_one_by_one() -> None:
    few = [rise(number, rises=MOST_IN_A_MINUTE) for number in range(MOST_IN_A_MINUTE)]
    assert len(messages(plan(few, "sns"))) == MOST_IN_A_MINUTE


def test_many_within_a_minute_are_one_digest() -> None:
    many = [rise(number, rises=MOST_IN_A_MINUTE + 1) for number in range(MOST_IN_A_MINUTE + 1)]
    planned = plan(many, "sns")
    assert len(messages(planned)) == 1
    assert [one.change_id for one in planned] == [one.id for one in many]


def test_a_courses_first_evaluation_is_one_digest() -> None:
    assert len(messages(plan([rise(1, is_first=True), rise(2, is_first=True)], "sns"))) == 1


def test_no_second_digest_follows_within_a_minute() -> None:
    assert plan([rise(1, rises=99, had_digest=True)], "sns") == []


def test_each_course_has_its_own_digest() -> None:
    both = [rise(1, rises=99), rise(2, rises=99), rise(3, rises=99, course="HIST")]
    first, second, other = plan(both, "sns")
    assert first.message == second.message != other.message


@given(
    st.sampled_from(["course", "student", "level", "began_at"]),
    st.sampled_from(["sns", "webhook"]),
)
def test_an_id_is_of_episode_level_and_channel(name: str, channel: str) -> None:
    [told] = plan([rise(1)], channel)
    assert plan([rise(99, student="student-1")], channel)[0].message == told.message
    other = NOON.replace(hour=13) if name == "began_at" else "another"
    assert plan([rise(1, **{name: other})], channel)[0].message != told.message
    assert plan([rise(1)], "mail")[0].message != told.message
