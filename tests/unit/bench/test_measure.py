"""The harness itself, with a clock that only the tasks move."""

import time
from collections.abc import Callable
from itertools import count

import pytest

from bench import results
from bench.measure import Spread, Task, compare


def test_rates_and_ratios_are_those_of_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0] / 4)

    def task(name: str, seconds: float) -> Task:
        def work() -> None:
            now[0] += seconds

        def prepare() -> Callable[[], object]:
            now[0] += 100  # preparation is not timed
            return work

        return Task(name, 10, prepare, batches=3)

    rounds = compare([task("slow", 2.0), task("fast", 0.5)], rounds=4, meter=lambda: lambda: now[0])
    assert rounds.rate("slow") == Spread(5.0, 5.0, 5.0)
    assert rounds.ratio("fast", "slow") == Spread(4.0, 4.0, 4.0)
    assert rounds.busy_ratio("slow", "fast") == Spread(0.25, 0.25, 0.25)
    by_client, by_server = 0.25, 1.0
    assert Spread.of(rounds.busy["slow"]).median == 2.0 * (by_client + by_server) / 10 * 1e6


def test_tasks_take_turns_batch_by_batch_and_each_round_starts_with_another() -> None:
    order: list[str] = []

    def task(name: str) -> Task:
        def prepare() -> Callable[[], object]:
            return lambda: order.append(name)

        return Task(name, 1, prepare, batches=2)

    ticks = count()
    compare([task("a"), task("b")], rounds=2, meter=lambda: lambda: float(next(ticks)))
    assert "".join(order) == "abab" + "abab" + "baba"


def test_a_table_shows_median_and_range() -> None:
    spread = Spread.of([0.5, 0.25, 1.0]).rounded(2)
    assert results.table([{"task": "one", "by_clock": spread}, {"task": "two", "by_clock": 1_234.5}]) == [
        "| task | by clock |",
        "| --- | --- |",
        "| one | 0.5 (0.25–1) |",
        "| two | 1,234 |",
    ]


def test_the_page_says_what_was_not_measured() -> None:
    assert "Not measured yet." in results.page({})
