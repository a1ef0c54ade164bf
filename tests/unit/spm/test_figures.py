import statistics

from spm.demo.figures import Figure, Tally
from spm.term import NativeEvent, generate


def tally_of(events: list[NativeEvent]) -> Tally:
    tally = Tally()
    for event in events:
        tally.add(event)
    return tally


def rows_of(events: list[NativeEvent]) -> list[list[object]]:
    """Return what an independent computation over the same events gives."""
    rows: list[list[object]] = []
    for student in {event["student_id"] for event in events}:
        own = [event for event in events if event["student_id"] == student]
        scores = [score for event in own if (score := event.get("score")) is not None]
        rows.append([student, len(own), statistics.fmean(scores) if scores else None, own[-1]["timestamp"]])
    return rows


def test_the_same_events_give_no_difference() -> None:
    events = list(generate(2_000, 30, seed=5))
    assert tally_of(events).differences(rows_of(events)) == []


def test_students_without_scores_have_no_mean() -> None:
    events = [event for event in generate(500, 5, seed=5) if "score" not in event]
    assert tally_of(events).differences(rows_of(events)) == []


def test_a_lost_event_is_a_difference_and_names_the_student() -> None:
    events = list(generate(200, 3, seed=5))
    (difference,) = tally_of(events).differences(rows_of(events[1:]))
    assert difference.startswith(events[0]["student_id"])


def test_a_changed_score_is_a_difference() -> None:
    events = list(generate(200, 1, seed=5))
    ((student, count, mean, last),) = rows_of(events)
    assert isinstance(mean, float)
    assert tally_of(events).differences([[student, count, mean + 0.01, last]])
    assert tally_of(events).differences([[student, count, None, last]])


def test_a_student_who_was_never_sent_is_a_difference() -> None:
    assert tally_of([]).differences([["stranger", 1, None, ""]]) == [
        "stranger: sent (0, None), stored (1, None)"
    ]


def test_a_check_holds_when_both_sides_are_equal() -> None:
    assert Figure("a", 1, 1).holds
    assert not Figure("a", 1, 2).holds
