"""Pictures of the record, as SVG beside the page."""

from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.figure import Figure

from bench.results import FOLDER, Row

PEERS: Final = FOLDER / "peers.svg"
GROWTH: Final = FOLDER / "growth.svg"


def draw(record: dict[str, Any]) -> None:
    """Draw what was measured."""
    if "ratios" in record:
        _peers([row for row in record["ratios"]["rows"] if row["part"] == "peers"])
    if "growth" in record:
        _growth(record["growth"]["rows"])


def _peers(rows: list[Row]) -> None:
    names = list(dict.fromkeys(row["task"] for row in rows))
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for offset, kind in enumerate(kinds):
        spreads = {row["task"]: row["by_clock"] for row in rows if row["kind"] == kind}
        places = [number + 0.4 * offset for number in range(len(names))]
        axes.barh(
            places,
            [spreads[name]["median"] for name in names],
            height=0.38,
            label=kind,
            xerr=_error_bars([spreads[name] for name in names]),
            ecolor="0.5",
        )
    axes.set_yticks([number + 0.2 for number in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel("rate by the clock, relative to COPY of ready rows; bars: median, lines: range")
    axes.legend()
    _save(figure, PEERS)


def _growth(rows: list[Row]) -> None:
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    stored = [row["million_events"] for row in rows]
    for name, label in (("cost", "new events"), ("redelivery", "delivered again")):
        for how in ("by_clock", "by_processor_time"):
            spreads = [row[f"{name}_{how}"] for row in rows]
            axes.errorbar(
                stored,
                [spread["median"] for spread in spreads],
                yerr=_error_bars(spreads),
                marker="o",
                capsize=3,
                label=f"{label}, {how.replace('_', ' ')}",
            )
    axes.axhline(1.25, color="0.6", linestyle="--", label="allowed for new events")
    axes.set_xscale("log")
    axes.set_xlabel("million events stored")
    axes.set_ylabel("cost of a batch of 500, empty table = 1")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    _save(figure, GROWTH)


def _error_bars(spreads: list[dict[str, float]]) -> tuple[list[float], list[float]]:
    below = [spread["median"] - spread["low"] for spread in spreads]
    return below, [spread["high"] - spread["median"] for spread in spreads]


def _save(figure: Figure, path: Path) -> None:
    with rc_context({"svg.hashsalt": path.name}):  # the same record gives the same bytes
        figure.savefig(path, metadata={"Date": None})
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
