import pytest

from spm.commands.local import is_error


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('2026-01-01 00:00:00.000 UTC [7] ERROR:  relation "x" does not exist', True),
        ("2026-01-01 00:00:00.000 UTC [7] FATAL:  terminating connection", True),
        ("2026-01-01 00:00:00.000 UTC [7] LOG:  checkpoint starting: time", False),
        ('[7] ERROR:  duplicate key value violates unique constraint "event_identity_pkey"', False),
    ],
)
def test_a_redelivery_is_no_error(line: str, shown: bool) -> None:
    assert is_error(line) is shown
