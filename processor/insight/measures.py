"""What an evaluation uses: the rules of a course, and what is known about each of its students."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple


class Rules(NamedTuple):
    """Weights and thresholds, as ``risk_rule`` has them. docs/risk.md says what each does."""

    missing_weight: Decimal
    missing_grace_hours: Decimal
    rank_weight: Decimal
    rank_fewest_scores: Decimal
    never_weight: Decimal
    absent_fewest_lessons: Decimal
    absent_some_share: Decimal
    absent_some_weight: Decimal
    absent_often_share: Decimal
    absent_often_weight: Decimal
    silent_days: Decimal
    silent_course_share: Decimal
    silent_weight: Decimal
    reason_at: Decimal
    elevated_at: Decimal
    high_at: Decimal
    left_below: Decimal


SHARES: Final = ("absent_some_share", "absent_often_share", "silent_course_share")


def contradiction(rules: Rules) -> str | None:
    """Return what makes no sense in the rules of a course, in one clause, or None if they fit each other."""
    if beyond := [name for name in SHARES if getattr(rules, name) > 1]:
        return f"{beyond[0]} is a share, from 0 to 1"
    if rules.absent_some_share > rules.absent_often_share:
        return "absent_some_share would be above absent_often_share"
    if rules.elevated_at > rules.high_at:
        return "elevated_at would be above high_at"
    if rules.left_below >= rules.elevated_at:
        return "left_below has to be less than elevated_at: otherwise nobody would leave a level"
    return None


class Measures(NamedTuple):
    """A student in a course at a time. Days are in the course's time zone, and shares are from 0 to 1.

    ``handed_in`` counts pieces of work of any kind. ``mean_rank`` is over all work with a score, and the best
    is 1. ``compared_rank`` is over the ``compared`` pieces for which enough others have a score. ``lessons``
    leaves out excused ones. ``last_seen`` is the day of the last event of any kind. The last members are
    about everybody who is enrolled.
    """

    student: str
    due: int
    missing: int
    titles: Sequence[str]  # of what is missing, in the order of the due dates
    missing_since: date | None
    first_due: date | None
    handed_in: int
    mean_rank: Decimal
    compared: int
    compared_rank: Decimal | None
    compared_since: date | None
    lessons: int
    absent: int
    absent_since: date | None
    last_seen: date | None
    is_silent: bool
    today: date
    students: int
    students_handing_in: int
    students_active: int
    missing_share_of_course: Decimal | None
    absent_share_of_course: Decimal | None
