from datetime import timedelta

import pytest

from spm.aws.health import HOUR, METRICS_KEPT, period_of


@pytest.mark.parametrize("time", [HOUR, timedelta(days=1), timedelta(days=31), METRICS_KEPT])
def test_a_call_asks_for_no_more_answers_than_cloudwatch_gives(time: timedelta) -> None:
    assert (time + timedelta(minutes=1)).total_seconds() / period_of(time) <= 1440
