"""The command line of ``./scripts/bench``."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench import (
    alerting,
    cold,
    embedded,
    evaluating,
    growth,
    hostile,
    plots,
    publishing,
    ratios,
    reading,
    regressions,
    reloading,
    reports,
    results,
    scaling,
    stages,
    storage,
    way,
)
from bench.contenders import quiet
from bench.server import new_target, server

SHORT_ROUNDS = 5
FULL_ROUNDS = 7
PAIRED_ROUNDS = 75  # a few per cent are read from their median, and one round scatters by 15

NEEDS_MORE = ("way-localstack", "alerts-localstack")  # LocalStack must be up, and the stack deployed

console = Console(stderr=True)
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            help="With --full: ratios, compaction, additions, growth, cold, hostile, storage, stages, "
            "way, embedded, publish, reading, reports, risk, reload; or all of them. "
            "And, when LocalStack is up: way-localstack, alerts-localstack."
        ),
    ] = None,
    *,
    full: Annotated[bool, typer.Option("--full", help="Measure thoroughly, and write the results.")] = False,
    stored: Annotated[int, typer.Option(help="Millions of events to grow the table to.")] = 10,
) -> None:
    """Measure the processor against PostgreSQL's own limit, in the same run.

    Without --full this takes less than three minutes and compares with the recorded ratios. The exit code is
    1 if one fell by 15 %.
    """
    if not full:
        raise typer.Exit(_check())
    measures: dict[str, Callable[[], list[results.Row]]] = {
        "ratios": lambda: _ratios(FULL_ROUNDS, "handler", "peers"),
        "compaction": lambda: _ratios(FULL_ROUNDS, "compacting"),
        "additions": lambda: _ratios(PAIRED_ROUNDS, "projections", "erasure"),
        "growth": lambda: growth.measure(stored, partial(results.write, "growth")),
        "cold": cold.measure,
        "hostile": hostile.measure,
        "storage": storage.measure,
        "stages": stages.measure,
        "way": way.measure,
        "way-localstack": way.measure_localstack,
        "alerts-localstack": alerting.measure_localstack,
        "embedded": embedded.measure,
        "publish": publishing.measure,
        "reading": reading.measure,
        "reports": lambda: reports.measure(stored),
        "risk": evaluating.measure,
        "reload": reloading.measure,
    }
    for part in parts or [name for name in measures if name not in NEEDS_MORE]:
        console.print(f"measuring {part}")
        results.write(part, measures[part]())
    record = results.read()
    plots.draw(record)
    if {"compaction", "stages", "storage"} <= record.keys():
        scaling.write(record)


def _check() -> int:
    before = regressions.recorded()
    rows = _ratios(SHORT_ROUNDS, "handler")
    console.print("\n".join(results.table({k: v for k, v in row.items() if k != "part"} for row in rows)))
    now = regressions.ratios(rows)
    fallen = regressions.fallen(now, before)
    if fallen:
        console.print(f"again, since these fell:\n{regressions.describe(fallen, now, before)}")
        again = regressions.ratios(_ratios(SHORT_ROUNDS, "handler"))
        now = {key: max(now[key], again[key]) for key in fallen}
        fallen = regressions.fallen(now, before)
    if fallen:
        console.print(f"fell by more than 15 %:\n{regressions.describe(fallen, now, before)}")
        return 1
    print(f"{len(now)} ratios measured, none fell by more than 15 % below the recorded one")  # noqa: T201
    return 0


def _ratios(rounds: int, *titles: str) -> list[results.Row]:
    with server() as postgres, quiet(), Progress(console=console) as progress:
        bench = ratios.RatiosBench(new_target(postgres))
        comparisons = [c for c in bench.comparisons() if c.title in titles]
        rows = [
            row
            for comparison in progress.track(comparisons, description="batches")
            for row in comparison.run(rounds)
        ]
        bench.close()
    return rows


if __name__ == "__main__":
    app()
