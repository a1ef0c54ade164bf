"""How a message about a risk is listed."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from processor.commands.alerts import ListedAlert
from spm.commands.alerts import state, whom

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALERT = ListedAlert(UUID(int=1), "webhook", "MATH", "ada", 1, "high", NOON, None, 1, None, given_up=False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "waiting, 1 attempt"),
        ({"sent_at": NOON}, "sent 2026-11-22 12:00:00 UTC"),
        ({"attempts": 2, "error": "HTTP 500"}, "waiting, 2 attempts: HTTP 500"),
        ({"attempts": 12, "given_up": True}, "given up after 12 attempts: no answer"),
    ],
)
def test_its_state_is_shown(change: dict[str, object], told: str) -> None:
    assert state(msgspec.structs.replace(ALERT, **change)) == told


def test_a_digest_shows_the_number_of_students() -> None:
    assert whom(ALERT) == "ada"
    assert whom(msgspec.structs.replace(ALERT, changes=1_200)) == "1,200 students"
