"""Decides which changes of risk get a message of their own, and which go into a digest."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID, uuid5

MOST_IN_A_MINUTE: Final = 20
"""More changes of a course than this within a minute become one message."""

NAMESPACE: Final = UUID("5b1f6a0e-6b0b-5f0e-9a53-2d6f0a2f6f5e")


class Rise(NamedTuple):
    """A change to a higher level about which nobody was told yet, over one channel.

    ``began_at`` is when the episode began. ``is_first`` means that it belongs to the course's first
    evaluation. ``rises`` is how many the course had within a minute. ``had_digest`` means that it had a
    digest within the last minute.
    """

    id: int
    course: str
    student: str
    level: str
    began_at: datetime
    is_first: bool
    rises: int
    had_digest: bool


class Planned(NamedTuple):
    """A change, and the message that announces it."""

    change_id: int
    message: UUID


def plan(rises: Sequence[Rise], channel: str) -> list[Planned]:
    """Put each change into a message, except those that have to wait for the next digest.

    ``rises`` are in the order of their courses.
    """
    return [
        planned
        for _, of_course in groupby(rises, attrgetter("course"))
        for planned in _of(of_course, channel)
    ]


def alert_id(rise: Rise, channel: str) -> UUID:
    """Return the id of the message about an episode's level over a channel. It is always the same."""
    began = rise.began_at.isoformat()
    return uuid5(NAMESPACE, json.dumps([rise.course, rise.student, began, rise.level, channel]))


def _of(of_course: Iterator[Rise], channel: str) -> Iterator[Planned]:
    rises = list(of_course)
    first = [rise for rise in rises if rise.is_first]
    later = [rise for rise in rises if not rise.is_first and rise.rises > MOST_IN_A_MINUTE]
    alone = [rise for rise in rises if not rise.is_first and rise.rises <= MOST_IN_A_MINUTE]
    for rise in alone:
        yield Planned(rise.id, alert_id(rise, channel))
    yield from _digest(first, channel)
    if not any(rise.had_digest for rise in later):
        yield from _digest(later, channel)


def _digest(rises: Sequence[Rise], channel: str) -> Iterator[Planned]:
    if not rises:
        return
    ids = sorted(str(alert_id(rise, channel)) for rise in rises)
    message = UUID(ids[0]) if len(ids) == 1 else uuid5(NAMESPACE, json.dumps(ids))
    for rise in rises:
        yield Planned(rise.id, message)
