"""As shipped, students enter levels at 1.7 and 0.9, and leave them 0.2 lower."""

from decimal import Decimal

import pytest

from processor.insight.levels import level
from processor.insight.measures import Rules

RULES = Rules(**dict.fromkeys(Rules._fields, Decimal(0)))._replace(
    high_at=Decimal("1.7"), elevated_at=Decimal("0.9"), left_below=Decimal("0.2")
)


@pytest.mark.parametrize(
    ("before", "score", "after"),
    [
        ("none", "0.89", "none"),
        ("none", "0.90", "elevated"),
        ("none", "1.69", "elevated"),
        ("none", "1.70", "high"),
        ("elevated", "0.70", "elevated"),
        ("elevated", "0.69", "none"),
        ("elevated", "1.69", "elevated"),
        ("elevated", "1.70", "high"),
        ("high", "1.50", "high"),
        ("high", "1.49", "elevated"),
        ("high", "0.70", "elevated"),
        ("high", "0.69", "none"),
    ],
)
def test_a_level_is_left_lower_than_it_is_entered(before: str, score: str, after: str) -> None:
    assert level(before, Decimal(score), RULES) == after
