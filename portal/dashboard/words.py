"""Writes times, shares and counts as people at a school do."""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from processor.insight.answers import Attendance

FEW: Final = 20  # below it, a share is written as a count


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return the count with its noun: ``1 student``, ``1,204 students``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def unbroken(sentence: str) -> str:
    """Return the sentence with each number and its per cent sign on one line."""
    return sentence.replace(" %", "\u00a0%")


def course(key: str, title: str) -> str:
    """Return a course's id and title. A course that no roster knows has its id as its title."""
    return key if title in ("", key) else f"{key} {title}"


def share(done: int, of: int) -> str:
    """Return a share as people say it: a small one as a count, a larger one in per cent."""
    if of < FEW:
        return f"{done} of {of}"
    return f"{round(100 * done / of)} % of {of:,}"


def per_cent(value: float | None) -> str:
    """Return a whole number, or a dash."""
    return "–" if value is None else f"{value:.0f} %"


def day(moment: datetime | date | None, now: datetime, zone: tzinfo) -> str:
    """Return the day: ``today``, ``yesterday``, ``Tuesday`` within a week, else ``11 November``."""
    if moment is None:
        return "never"
    that = moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
    today = now.astimezone(zone).date()
    days = (today - that).days
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if days in near:
        return near[days]
    if 0 < days < 7:
        return f"{that:%A}"
    if -7 < days < 0:
        return f"next {that:%A}"
    return f"{that.day} {that:%B}" if that.year == today.year else f"{that.day} {that:%B %Y}"


def clock(moment: datetime, zone: tzinfo) -> str:
    """Return the time of day: ``09:41``."""
    return f"{moment.astimezone(zone):%H:%M}"


def attendance(counts: Attendance | None) -> str:
    """Return how often somebody came, or all of a course: ``Came to 20 of 23 lessons, 2 times late.``"""
    if counts is None:
        return "Nobody noted who came to a lesson."
    there = counts.present + counts.late
    late = f", {plural(counts.late, 'time')} late" if counts.late else ""
    excused = f"; excused {plural(counts.excused, 'time')}" if counts.excused else ""
    return f"Came to {share(there, there + counts.absent)} lessons{late}{excused}."


def person(who: str) -> str:
    """Return the name of a person who is known by an ARN, which is its last part."""
    return re.split("[/:]", who)[-1] if who.startswith("arn:") else who


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return the day and the time of day: ``today, 09:41``."""
    return f"{day(at, now, zone)}, {clock(at, zone)}"


def every(seconds: float) -> str:
    """Return how often something happens: ``every 5 seconds``, ``every hour``."""
    for unit, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count = round(seconds / unit)
        if seconds >= unit:
            return f"every {noun}" if count == 1 else f"every {count:,} {noun}s"
    return "several times per second"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago it was, for less than a day: ``12 minutes``."""
    passed = max(now - moment, timedelta())
    if passed < timedelta(minutes=1):
        return plural(int(passed.total_seconds()), "second")
    if passed < timedelta(hours=1):
        return plural(passed // timedelta(minutes=1), "minute")
    if passed < timedelta(days=1):
        return plural(passed // timedelta(hours=1), "hour")
    return plural(passed.days, "day")
