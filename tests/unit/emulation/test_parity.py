"""The parity table in docs/reference.md is the result of a run, with the scenarios that exist now."""

from tests.integration.conformance import parity
from tests.integration.conformance.deviations import DEVIATIONS


def shown() -> str:
    text = parity.REFERENCE.read_text()
    return text[text.index(parity.BEGIN) : text.index(parity.END)]


def rows() -> list[list[str]]:
    table = shown().partition("\n\nWhere AWS's text")[0]
    lines = [line for line in table.splitlines() if line.startswith("| [")]
    return [line.strip("| ").split(" | ") for line in lines]


def test_each_scenario_has_its_one_row_in_order() -> None:
    wanted = [parity.rule(name) for name in parity.scenarios()]
    assert [row[0] for row in rows()] == wanted, "run the suite, then parity.py"


def test_the_table_says_what_is_expected_of_localstack() -> None:
    for name, reason in DEVIATIONS["localstack"].items():
        assert name.partition("[")[0] in parity.scenarios()
        assert f"deviates: {reason}" in shown()


def test_the_embedded_cloud_follows_or_refuses() -> None:
    assert not DEVIATIONS["embedded"]
    for row, test in zip(rows(), parity.scenarios().values(), strict=True):
        assert row[1] == (f"refused: {test.refused}" if test.refused else parity.FOLLOWED), row


def test_what_is_open_is_shown_with_both_readings() -> None:
    assert parity.open_questions() in shown()


def test_results_become_one_row_per_rule() -> None:
    table = parity.table(
        {
            "embedded": {
                "malformed_response[null]": {"outcome": "passed"},
                "malformed_response[empty]": {"outcome": "failed"},
                "of_old": {"outcome": "passed"},
                "tumbling_window": {"outcome": "passed"},
                "batching_window": {"outcome": "passed"},
            },
            "localstack": {"batching_window": {"outcome": "deviates", "reason": "why"}},
        }
    )
    lines = {line.partition("](")[0]: line for line in table.splitlines()}
    assert "the embedded cloud follows 1 and refuses 1 by name" in table
    malformed = lines["| [An empty, null or unknown identifier, or a wrong key, is complete failure"]
    assert malformed.endswith(" | FAILED | not run | not run |")
    tumbling = lines["| [A function keeps a state through the batches of a tumbling window"]
    assert tumbling.endswith(" | refused: tumbling windows | not run | not run |")
    window = lines["| [A batch that is not full waits for the batching window to end"]
    assert window.endswith(" (with a wait until the mapping polls) | followed | deviates: why | not run |")
