"""Asking page by page: how much is asked for, and when it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from processor.commands.follow_up import FollowUp, FollowUps, FollowUpsAnswer, FollowUpShare
from spm.aws.commands import Commands

AT = datetime(2026, 11, 24, tzinfo=UTC)
ROWS = [FollowUp(UUID(int=n), AT, "me", "MATH", str(n), None, "…") for n in range(2_500)]


class FromAList(Commands):
    """Answers from a list with at most ``fitting`` rows at a time, and remembers what it was asked for."""

    def __init__(self, fitting: int) -> None:
        self.fitting = fitting
        self.asked: list[tuple[int, int]] = []

    def run(self, command: Any) -> Any:
        wanted = cast("FollowUps", command)
        self.asked.append((wanted.offset, wanted.limit))
        end = wanted.offset + min(wanted.limit, self.fitting)
        rows = ROWS[wanted.offset : end]
        return FollowUpsAnswer(rows, FollowUpShare(0, 0), end if end < len(ROWS) else None)


def of(page: FollowUpsAnswer) -> Sequence[FollowUp]:
    return page.follow_ups


def test_no_more_is_asked_for_than_is_wanted() -> None:
    commands = FromAList(fitting=1_000)
    rows = [row for page in commands.pages(FollowUps(), 2_200, of) for row in page.follow_ups]
    assert rows == ROWS[:2_200]
    assert commands.asked == [(0, 1_000), (1_000, 1_000), (2_000, 200)]


@pytest.mark.parametrize("fitting", [1, 7, 999, 1_000])
@pytest.mark.parametrize("limit", [1, 50, 2_500, 9_999])
def test_whatever_fits_into_an_answer_each_row_comes_once(fitting: int, limit: int) -> None:
    pages = FromAList(fitting).pages(FollowUps(), limit, of)
    assert [row for page in pages for row in page.follow_ups] == ROWS[:limit]
