"""Why a student is at risk: what adds to the score, with its numbers and a sentence for a teacher."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from processor.insight.measures import Measures, Rules

CENT: Final = Decimal("0.01")
TITLES_NAMED: Final = 3

Numbers = Mapping[str, int | float | str | list[str] | None]


class Addend(NamedTuple):
    """What one rule adds to the score, and why. Dates are text, and shares are rounded to three places."""

    rule: str
    adds: Decimal
    numbers: Numbers
    sentence: str


def addends(of: Measures, rules: Rules) -> list[Addend]:
    """Return what adds to the student's score, the largest first, and silence, which may add nothing."""
    found = [
        *_missing(of, rules),
        *_never(of, rules),
        *_rank(of, rules),
        *_absent(of, rules),
        *_silent(of, rules),
    ]
    return sorted(found, key=lambda addend: -addend.adds)


def total(found: Sequence[Addend]) -> Decimal:
    """Return the score, rounded to hundredths."""
    return sum((addend.adds for addend in found), Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def reasons(found: Sequence[Addend], rules: Rules) -> list[dict[str, object]]:
    """Return those that are worth showing, in JSON's own types."""
    told = (addend for addend in found if addend.adds >= rules.reason_at or addend.rule == "silent")
    return [
        {
            "rule": addend.rule,
            "adds": float(addend.adds.quantize(CENT, ROUND_HALF_UP)),
            "numbers": dict(addend.numbers),
            "sentence": addend.sentence,
        }
        for addend in told
    ]


def _missing(of: Measures, rules: Rules) -> Iterator[Addend]:
    if not of.missing:
        return
    numbers: Numbers = {
        "missing": of.missing,
        "due": of.due,
        "titles": list(of.titles),
        "since": _iso(of.missing_since),
        "share_of_course": _rounded(of.missing_share_of_course),
    }
    sentence = (
        f"{_how_many_missing(of)}: {_titles(of.titles)}, due on {_day(of.missing_since, of.today)}"
        f"{' and later' if of.missing > 1 else ''}. "
        f"On average, {_per_cent(of.missing_share_of_course)} of the work due in this course is missing."
    )
    yield Addend("missing", rules.missing_weight * of.missing / of.due, numbers, sentence)


def _how_many_missing(of: Measures) -> str:
    if of.due == 1:
        return "The only piece of work due so far is missing"
    return f"{of.missing} of {of.due} pieces of work due so far {'is' if of.missing == 1 else 'are'} missing"


def _never(of: Measures, rules: Rules) -> Iterator[Addend]:
    if not of.missing or of.handed_in:
        return
    numbers: Numbers = {
        "students": of.students,
        "students_handing_in": of.students_handing_in,
        "since": _iso(of.first_due),
    }
    sentence = (
        f"Nothing has been handed in so far; the first work was due on {_day(of.first_due, of.today)}. "
        f"{of.students_handing_in} of {_students(of.students)} in this course "
        f"{_have(of.students_handing_in)} handed in something."
    )
    yield Addend("never", rules.never_weight, numbers, sentence)


def _rank(of: Measures, rules: Rules) -> Iterator[Addend]:
    adds = rules.rank_weight * (1 - of.mean_rank)
    numbers: Numbers = {
        "mean_rank": _rounded(of.mean_rank),
        "compared": of.compared,
        "since": _iso(of.compared_since),
    }
    if of.compared_rank is None:
        sentence = "No score can be compared with others' yet, which counts as the middle of the course."
    else:
        sentence = (
            f"In {_counted(of.compared, 'piece')} of work scored since {_day(of.compared_since, of.today)}, "
            f"about {_per_cent(1 - of.compared_rank)} of the scores in this course are better."
        )
    yield Addend("rank", adds, numbers, sentence)


def _absent(of: Measures, rules: Rules) -> Iterator[Addend]:
    if not of.lessons or of.lessons < rules.absent_fewest_lessons:
        return
    share = Decimal(of.absent) / of.lessons
    if share < min(rules.absent_some_share, rules.absent_often_share) or not of.absent:
        return
    numbers: Numbers = {
        "absent": of.absent,
        "lessons": of.lessons,
        "since": _iso(of.absent_since),
        "share_of_course": _rounded(of.absent_share_of_course),
    }
    sentence = (
        f"Absent from {of.absent} of {of.lessons} lessons ({_per_cent(share)}) since "
        f"{_day(of.absent_since, of.today)}. "
        f"On average, students in this course miss {_per_cent(of.absent_share_of_course)}."
    )
    yield Addend(
        "absent",
        rules.absent_often_weight if share >= rules.absent_often_share else rules.absent_some_weight,
        numbers,
        sentence,
    )


def _silent(of: Measures, rules: Rules) -> Iterator[Addend]:
    if not of.is_silent or of.students_active < rules.silent_course_share * of.students:
        return
    numbers = {"active": of.students_active, "students": of.students, "since": _iso(of.last_seen)}
    since = f"since {_day(of.last_seen, of.today)}" if of.last_seen else "in this course so far"
    sentence = (
        f"Nothing has been heard {since}, while {of.students_active} of {_students(of.students)} were active "
        f"in the last {_counted(int(rules.silent_days), 'day')}."
    )
    yield Addend("silent", rules.silent_weight, numbers, sentence)


def _titles(titles: Sequence[str]) -> str:
    named = list(titles) if len(titles) <= TITLES_NAMED + 1 else [*titles[:TITLES_NAMED]]
    if len(named) < len(titles):
        return f"{', '.join(named)} and {len(titles) - len(named)} more"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0]


def _students(number: int) -> str:
    return _counted(number, "student")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _per_cent(share: Decimal | None) -> str:
    return f"{(100 * (share or Decimal(0))).quantize(Decimal(1), ROUND_HALF_UP)} %"


def _day(day: date | None, today: date) -> str:
    if day is None:
        return "an unknown day"
    return f"{day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _rounded(share: Decimal | None) -> float | None:
    return None if share is None else float(round(share, 3))
