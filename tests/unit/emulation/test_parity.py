"""The parity table in docs/reference.md is what a run gave, and of the scenarios there are now."""

import inspect
from collections.abc import Callable

from tests.integration.conformance import parity, test_conformance
from tests.integration.conformance.deviations import DEVIATIONS


def scenarios() -> dict[str, Callable[..., None]]:
    found = inspect.getmembers(test_conformance, inspect.isfunction)
    return {name.removeprefix("test_"): test for name, test in found if name.startswith("test_")}


def rows() -> list[str]:
    text = parity.REFERENCE.read_text()
    table = text[text.index(parity.BEGIN) : text.index(parity.END)]
    return [line for line in table.splitlines() if line.startswith("| [")]


def test_every_scenario_has_its_row() -> None:
    for name, test in scenarios().items():
        rule = str(test.__doc__).strip().splitlines()[0].rstrip(".")
        assert any(f"[{rule}" in row for row in rows()), f"{name} is missing: run the suite, then parity.py"


def test_every_row_has_its_scenario() -> None:
    rules = {str(test.__doc__).strip().splitlines()[0].rstrip(".") for test in scenarios().values()}
    for row in rows():
        assert any(row.startswith(f"| [{rule}") for rule in rules), row


def test_the_table_tells_what_is_expected_of_localstack() -> None:
    shown = "\n".join(rows())
    for name, reason in DEVIATIONS["localstack"].items():
        assert name in scenarios()
        assert f"deviates: {reason}" in shown


def test_the_runner_deviates_nowhere() -> None:
    assert not DEVIATIONS["embedded"]
    for row in rows():
        assert row.split(" | ")[1] == "as documented", row


def test_a_result_becomes_a_cell() -> None:
    table = parity.table(
        {
            "embedded": {"batch_size[x]": {"outcome": "passed"}, "of_old": {"outcome": "passed"}},
            "localstack": {"batch_size[x]": {"outcome": "deviates", "reason": "why"}},
        }
    )
    row = table.splitlines()[-1]
    assert row.startswith("| [A batch has at most BatchSize records, in the order of the shard (x)](https://")
    assert row.endswith(" | as documented | deviates: why | not run |")
