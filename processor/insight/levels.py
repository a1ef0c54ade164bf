"""A level is entered at a threshold and left a little below it, so that nobody moves back and forth."""

from decimal import Decimal
from typing import Final

from processor.insight.measures import Rules

NONE: Final = "none"
ELEVATED: Final = "elevated"
HIGH: Final = "high"


def level(before: str, score: Decimal, rules: Rules) -> str:
    """Return the level of a score, after the one ``before``."""
    stays = rules.left_below
    if score >= rules.high_at - (stays if before == HIGH else 0):
        return HIGH
    if score >= rules.elevated_at - (stays if before in (HIGH, ELEVATED) else 0):
        return ELEVATED
    return NONE
