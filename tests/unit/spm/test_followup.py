"""The sentence about follow-ups."""

import pytest

from processor.commands.follow_up import FollowUpsAnswer, FollowUpShare
from spm.commands.followup import told


@pytest.mark.parametrize(
    ("share", "sentence"),
    [
        ((0, 0), "nobody came to be at risk a week ago or earlier"),
        ((1, 1), "a student came to be at risk 1 time (a week ago or earlier); 1 of these were followed up"),
        ((1200, 300), "a student came to be at risk 1,200 times (a week ago or earlier); 300 of these"),
        ((1200, 300), "(25 %)"),
    ],
)
def test_the_share_is_a_sentence(share: tuple[int, int], sentence: str) -> None:
    assert sentence in told(FollowUpsAnswer([], FollowUpShare(*share), None))
