"""Outcomes compared with levels: the figures, and which of them are hidden."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.commands.risk_flags import Flag
from spm.audit import FEWEST, CourseOutcome, audit, hidden_of, read_outcomes
from spm.errors import InputError

ENDS = datetime(2026, 12, 18, tzinfo=UTC)


def outcome(number: int, *, failed: bool, group: str = "a") -> CourseOutcome:
    return CourseOutcome("MATH", f"s{number}", failed, {"group": group})


def flag(number: int, *, days: int, high: bool = False) -> Flag:
    at = ENDS - timedelta(days=days)
    return Flag("MATH", f"s{number}", at, at if high else None, ENDS)


def test_figures_of_a_course() -> None:
    # Of ten students, the first four fail. 0, 1, 2 and 9 were flagged, 0 and 9 of them as high.
    outcomes = [outcome(number, failed=number < 4) for number in range(10)]
    flags = [flag(0, days=30, high=True), flag(1, days=20), flag(2, days=10), flag(9, days=5, high=True)]
    report = audit(outcomes, [*flags, flag(77, days=1)])
    elevated, high = report.elevated, report.high
    assert (elevated.students, elevated.failed, elevated.flagged, elevated.found) == (10, 4, 4, 3)
    assert (elevated.precision, elevated.recall, elevated.lead_days) == (0.75, 0.75, 20.0)
    assert (high.precision, high.recall, high.lead_days) == (0.5, 0.25, 30.0)


def test_nothing_is_divided_by_nobody() -> None:
    report = audit([outcome(number, failed=False) for number in range(10)], [])
    assert (report.high.precision, report.high.recall, report.high.lead_days) == (None, None, None)


def test_figures_about_a_few_are_refused() -> None:
    with pytest.raises(InputError, match="fewer than 10"):
        audit([outcome(number, failed=True) for number in range(9)], [])


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 50, "b": 60}, set()),
        ({"a": 50, "b": 10}, set()),
        ({"a": 50, "b": 9}, {"a", "b"}),
        ({"a": 50, "b": 9, "c": 12}, {"b", "c"}),
        ({"a": 50, "b": 6, "c": 6}, {"b", "c"}),
        ({"a": 50, "b": 3, "c": 4, "d": 20}, {"b", "c", "d"}),
    ],
)
def test_small_groups_are_hidden_with_what_would_reveal_them(sizes: dict[str, int], hidden: set[str]) -> None:
    assert hidden_of(sizes) == hidden


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 40), max_size=8))
def test_neither_a_group_nor_a_difference_shows_fewer_than_ten(sizes: dict[str, int]) -> None:
    hidden = hidden_of(sizes)
    assert all(sizes[value] >= FEWEST for value in sizes.keys() - hidden)
    together = sum(sizes[value] for value in hidden)
    assert together == 0 or together >= FEWEST or hidden == sizes.keys()


def test_groups_that_are_shown_have_their_own_figures() -> None:
    outcomes = [outcome(number, failed=number % 2 == 0, group="xyz"[number // 20]) for number in range(48)]
    report = audit(outcomes, [flag(20, days=3)])
    assert [(one.value, one.elevated.students, one.elevated.found) for one in report.groups] == [("y", 20, 1)]
    assert report.hidden == {"group": 2}


def write(folder: Path, text: str) -> Path:
    file = folder / "results.csv"
    file.write_text(text)
    return file


def test_a_file_is_read_as_schools_write_it(tmp_path: Path) -> None:
    text = "Course;Student;Outcome;Gender\nMATH;ada;Passed;f\nMATH;bob;withdrawn;\n"
    ada, bob = read_outcomes(write(tmp_path, text))
    assert ada == CourseOutcome("MATH", "ada", failed=False, groups={"gender": "f"})
    assert (bob.failed, bob.groups) == (True, {"gender": "not given"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("course,student\nMATH,ada\n", "no column outcome"),
        ("course,student,outcome\nMATH,ada,maybe\n", "line 2: outcome is 'maybe'"),
        ("course,student,outcome\nMATH,,passed\n", "line 2: course and student"),
        ("course,student,outcome\nMATH,ada,passed\nMATH,ada,failed\n", "line 3: ada in MATH was there"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_outcomes(write(tmp_path, text))
