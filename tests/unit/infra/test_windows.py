import pytest

from infra.windows import overlap


@pytest.mark.parametrize(
    ("weekly", "daily", "meet"),
    [
        ("sun:03:00-sun:04:00", "01:00-02:00", False),
        ("sun:01:30-sun:02:30", "01:00-02:00", True),
        ("sun:02:00-sun:03:00", "01:00-02:00", False),
        ("sun:23:30-mon:00:30", "00:00-00:30", True),
        ("sun:23:00-sun:23:30", "23:30-00:30", False),
        ("sun:00:00-sun:00:30", "23:30-00:30", True),
        ("mon:03:00-tue:03:00", "01:00-02:00", True),
    ],
)
def test_windows_that_meet(weekly: str, daily: str, meet: bool) -> None:
    assert overlap(weekly, daily) is meet
