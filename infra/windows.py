"""The hours in which RDS works on the database, in UTC: ``sun:03:00-sun:04:00`` and ``01:00-02:00``."""

from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60  # minutes
WEEK: Final = 7 * DAY


def overlap(weekly: str, daily: str) -> bool:
    """Whether a window of the week meets a window of every day, which RDS refuses.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    """
    begin, end = (DAYS.index(time[:3]) * DAY + _minutes(time[4:]) for time in weekly.split("-"))
    week = {minute % WEEK for minute in range(begin, begin + ((end - begin) % WEEK or WEEK))}
    opens, closes = (_minutes(time) for time in daily.split("-"))
    day = {minute % DAY for minute in range(opens, opens + ((closes - opens) % DAY or DAY))}
    return any(minute % DAY in day for minute in week)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
