"""Writes the parity table of docs/reference.md: ``python -m tests.integration.conformance.parity``.

Run the conformance suite first; it leaves the results of each cloud in ``.local/conformance``.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.integration.conformance import (
    test_changes,
    test_conformance,
    test_failures,
    test_refusals,
    test_streams,
)
from tests.integration.conformance.readings import READINGS

CHECKOUT = Path(__file__).parents[3]
RESULTS = CHECKOUT / ".local" / "conformance"
REFERENCE = CHECKOUT / "docs" / "reference.md"
BEGIN, END = "<!-- parity: begin -->", "<!-- parity: end -->"
CLOUDS = {"embedded": "embedded (this runner)", "localstack": "LocalStack 4.14.0", "aws": "AWS"}
SUITES = (test_conformance, test_failures, test_changes, test_streams, test_refusals)
FOLLOWED = "followed"
WORDS = {"passed": FOLLOWED, "skipped": "not run", "failed": "FAILED"}
WORST_FIRST = ("failed", "deviates", "skipped", "passed")

Results = dict[str, dict[str, dict[str, str]]]


def main() -> None:
    """Replace the text between the markers."""
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
    content = f"{BEGIN}\n{table(results)}\n\n{open_questions()}\n{END}"
    REFERENCE.write_text(pattern.sub(lambda _: content, text))


def scenarios() -> dict[str, Any]:
    """Return every scenario's test by its name, in the order of the suites. There is one for each rule."""
    found = [member for suite in SUITES for member in inspect.getmembers(suite, inspect.isfunction)]
    tests = {name.removeprefix("test_"): test for name, test in found if name.startswith("test_")}
    order = [suite.__name__ for suite in SUITES]
    return dict(sorted(tests.items(), key=lambda item: (order.index(item[1].__module__), _line(item[1]))))


def table(results: Results) -> str:
    """Return a line with the totals, and the table in Markdown with one row per rule."""
    rows = {name: [_cell(name, cloud, results) for cloud in CLOUDS] for name in scenarios()}
    embedded = [cells[0] for cells in rows.values()]
    refused = sum(cell.startswith("refused") for cell in embedded)
    followed = embedded.count(FOLLOWED)
    counted = f"{len(rows)} rules; the embedded cloud follows {followed} and refuses {refused} by name."
    lines = [counted, "", f"| rule | {' | '.join(CLOUDS.values())} |", "| --- |" + " --- |" * len(CLOUDS)]
    lines += [f"| {rule(name)} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join(lines)


def open_questions() -> str:
    """Return the table of questions that AWS's text leaves open."""
    lines = [
        "Where AWS's text can be read in two ways, or is silent, nobody knows who follows it:",
        "",
        "| question | readings | the embedded cloud | what the project relies on |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| [{one.question}]({one.source}) | {'; or '.join(one.readings)} | {one.here} | {one.relied_on} |"
        for one in READINGS
    ]
    return "\n".join(lines)


def rule(name: str) -> str:
    """Return a rule with the page that documents it, and what else its scenario needs."""
    test = scenarios()[name]
    text = str(test.__doc__).strip().splitlines()[0].rstrip(".")
    return f"[{text}]({test.source})" + (f" (with {test.needs})" if test.needs else "")


def _line(test: Any) -> int:
    return int(inspect.unwrap(test).__code__.co_firstlineno)


def _cell(name: str, cloud: str, results: Results) -> str:
    runs = [run for ran, run in results.get(cloud, {}).items() if ran.partition("[")[0] == name]
    worst = _worst(runs)
    if worst is None:
        return "not run"
    if worst["outcome"] == "deviates":
        return f"deviates: {worst['reason']}"
    refused = scenarios()[name].refused
    if refused and cloud == "embedded" and worst["outcome"] == "passed":
        return f"refused: {refused}"
    return WORDS[worst["outcome"]]


def _worst(runs: Iterable[dict[str, str]]) -> dict[str, str] | None:
    return min(runs, key=lambda run: WORST_FIRST.index(run["outcome"]), default=None)


if __name__ == "__main__":
    main()
