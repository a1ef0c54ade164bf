"""Writes the parity table of docs/reference.md: ``python -m tests.integration.conformance.parity``.

Run the conformance suite first; each cloud that it ran against left its results in ``.local/conformance``.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.integration.conformance import test_conformance

CHECKOUT = Path(__file__).parents[3]
RESULTS = CHECKOUT / ".local" / "conformance"
REFERENCE = CHECKOUT / "docs" / "reference.md"
BEGIN, END = "<!-- parity: begin -->", "<!-- parity: end -->"
CLOUDS = {"embedded": "embedded (this runner)", "localstack": "LocalStack 4.14.0", "aws": "AWS"}
WORDS = {"passed": "as documented", "skipped": "not run", "failed": "FAILED"}

Results = dict[str, dict[str, dict[str, str]]]


def main() -> None:
    """Replace what stands between the markers."""
    results: Results = {
        cloud: json.loads((RESULTS / f"{cloud}.json").read_text())
        for cloud in CLOUDS
        if (RESULTS / f"{cloud}.json").exists()
    }
    if "embedded" not in results:
        sys.exit("No results of the embedded cloud: run `./scripts/test tests/integration/conformance` first")
    text = REFERENCE.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{REFERENCE} has no {BEGIN} … {END}")
    REFERENCE.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table(results)}\n{END}", text))


def table(results: Results) -> str:
    """Return the table in Markdown, one row a scenario, in the order of the suite."""
    lines = [f"| rule | {' | '.join(CLOUDS.values())} |", "| --- |" + " --- |" * len(CLOUDS)]
    for scenario in sorted(filter(_definition, results["embedded"]), key=_line):
        cells = [_cell(results.get(cloud, {}).get(scenario)) for cloud in CLOUDS]
        lines.append(f"| {_rule(scenario)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _definition(scenario: str) -> Any:
    """Return a scenario's test; None for one that an earlier version had."""
    return getattr(test_conformance, f"test_{scenario.partition('[')[0]}", None)


def _line(scenario: str) -> int:
    return int(_definition(scenario).__code__.co_firstlineno)


def _rule(scenario: str) -> str:
    test = _definition(scenario)
    rule = str(test.__doc__).strip().splitlines()[0].rstrip(".")
    variant = re.search(r"\[(.*)]", scenario)
    return f"[{rule}{f' ({variant[1]})' if variant else ''}]({test.source})"


def _cell(entry: dict[str, str] | None) -> str:
    if entry is None:
        return "not run"
    if entry["outcome"] == "deviates":
        return f"deviates: {entry['reason']}"
    return WORDS[entry["outcome"]]


if __name__ == "__main__":
    main()
