from datetime import timedelta

import pytest

from spm.aws.health import HOUR, METRICS_KEPT, period_of, state_of


@pytest.mark.parametrize("time", [HOUR, timedelta(days=1), timedelta(days=31), METRICS_KEPT])
def test_a_call_asks_for_no_more_answers_than_cloudwatch_gives(time: timedelta) -> None:
    assert (time + timedelta(minutes=1)).total_seconds() / period_of(time) <= 1440


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("OK", "Enabled"),
        ("No records processed", "Enabled"),
        ("PROBLEM: Function call failed", "Enabled, PROBLEM: Function call failed"),
    ],
)
def test_a_mappings_problem_is_shown_with_its_state(result: str, shown: str) -> None:
    assert state_of({"State": "Enabled", "LastProcessingResult": result}) == shown
    assert state_of({"State": "Disabled"}) == "Disabled"
