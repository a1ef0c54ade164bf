from datetime import UTC, datetime

import pytest

from spm.aws.logs import Line
from spm.commands.logs import chosen, shown
from spm.errors import InputError

FUNCTIONS = [
    "attendance-processor-dev",
    "student-performance-operations-dev",
    "student-performance-processor-dev",
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, FUNCTIONS),
        ("operations", FUNCTIONS[1:2]),
        ("processor", [FUNCTIONS[0], FUNCTIONS[2]]),
        ("student-performance-processor-dev", FUNCTIONS[2:]),
    ],
)
def test_functions_are_chosen_by_a_part_of_their_names(wanted: str | None, found: list[str]) -> None:
    assert chosen(FUNCTIONS, wanted) == found


def test_an_unknown_function_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match="no function grader: it has attendance-processor-dev, student"):
        chosen(FUNCTIONS, "grader")


def test_a_line_shows_what_is_in_it_as_text() -> None:
    moment = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
    assert shown(Line(moment, "f", "a\x1b[2J\nb\n")) == r"2026-01-01 12:00:00  f  a\x1b[2J\nb"
