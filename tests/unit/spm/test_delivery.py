import json

from spm.aws.delivery import Delivered, metrics_in


def emf(**values: object) -> str:
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "service": "p", **values})


def test_the_last_metrics_line_counts() -> None:
    log = "\n".join(
        [
            "START RequestId: 1",
            emf(ReceivedEvents=1, StoredEvents=1),
            emf(
                ReceivedEvents=7,
                StoredEvents=4,
                DuplicateEvents=2,
                RejectedEvents=1,
                ExpiredEvents=3,
                ErasedEvents=5,
            ),
            "END RequestId: 1",
            "REPORT",
        ]
    )
    assert metrics_in(log) == Delivered(received=7, stored=4, duplicates=2, rejected=1, expired=3, erased=5)


def test_values_may_be_arrays_and_absent_ones_are_none() -> None:
    assert metrics_in(emf(ReceivedEvents=[3.0, 4.0], DuplicateEvents=[7.0])) == Delivered(7, 0, 7, 0, 0)


def test_a_prefix_before_the_line_does_not_matter() -> None:
    assert metrics_in("2026-01-01T00:00:00Z " + emf(ReceivedEvents=2)) == Delivered(2, 0, 0, 0, 0)


def test_a_log_without_metrics_says_nothing() -> None:
    assert metrics_in('START\n{"message": "hello"}\nEND') is None
