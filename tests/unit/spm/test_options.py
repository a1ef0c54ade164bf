"""Options that several commands have."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from spm.terminal.options import day, month, rfc3339


@pytest.mark.parametrize(
    "text", ["2026-01-01T08:00", "2026-01-01T08:00:00", "20260101T0800", "2026-01-01 08:00:00.5"]
)
def test_the_time_that_a_refusal_suggests_is_accepted(text: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        rfc3339(text)
    found = re.search(r"write (\S+)", str(refused.value))
    assert found
    assert rfc3339(found[1]) == datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-01-01Z"])
def test_the_examples_in_a_refusal_are_accepted(text: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        rfc3339(text)
    examples = re.findall(r"such as (\d\S+?)(?:,|$)", str(refused.value))
    assert [rfc3339(example).year for example in examples] == [2026, 2026]


@pytest.mark.parametrize("read", [rfc3339, day, month])
def test_a_refused_value_cannot_command_the_terminal(read: Callable[[str], object]) -> None:
    with pytest.raises(typer.BadParameter, match=r"\\x1b\[31m"):
        read("\x1b[31m")


@given(st.dates())
def test_a_day_begins_in_utc(given_day: date) -> None:
    assert rfc3339(given_day.isoformat()) == datetime(
        given_day.year, given_day.month, given_day.day, tzinfo=UTC
    )
