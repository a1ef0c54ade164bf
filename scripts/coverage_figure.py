"""Say how much of the processor its tests run, as ./scripts/coverage measured it; fail if too little."""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
REPORT: Final = ROOT / ".local" / "coverage" / "report.json"
PAGE: Final = ROOT / "CONTRIBUTING.md"
LEAST: Final = 95.0  # per cent, of lines and of branches

_FIGURE: Final = re.compile(r"(<!-- coverage: begin -->\n).*?(<!-- coverage: end -->)", re.DOTALL)


def main() -> int:
    """Print the figures; with ``--write``, put them between the page's marks. Return the exit code."""
    totals = json.loads(REPORT.read_text(encoding="utf-8"))["totals"]
    told = figure(totals)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")
    print(told)  # noqa: T201 - what this is for
    return 0 if enough(totals) else 1


def figure(totals: dict[str, Any]) -> str:
    """Return the figures as a sentence."""
    lines = f"{totals['percent_statements_covered']:.1f} % of the lines"
    branches = f"{totals['percent_branches_covered']:.1f} % of the branches"
    return f"The tests of `processor/` run {lines} and {branches}."


def enough(totals: dict[str, Any]) -> bool:
    """Tell whether neither lines nor branches are below LEAST."""
    return all(totals[f"percent_{what}_covered"] >= LEAST for what in ("statements", "branches"))


def written(page: str, told: str) -> str:
    """Return the page with this sentence, or raise ValueError if it has no place for it."""
    page, places = _FIGURE.subn(lambda marks: f"{marks[1]}{told}\n{marks[2]}", page)
    if places != 1:
        raise ValueError("CONTRIBUTING.md has no place for the coverage, or more than one")
    return page


if __name__ == "__main__":
    sys.exit(main())
