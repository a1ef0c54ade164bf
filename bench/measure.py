"""Times tasks against each other: interleaved batch by batch, in several rounds, with median and range."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """The middle of several rounds, and how far they reach."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def rounded(self, digits: int) -> dict[str, float]:
        """Return it for the record."""
        return {name: round(value, digits) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Task:
    """Something to time: ``prepare`` makes the next batch of ``events`` and returns what is to be timed."""

    name: str
    events: int
    prepare: Callable[[], Callable[[], object]]
    batches: int  # in one round


@dataclass
class Rounds:
    """What each task took in each round, in microseconds per event.

    ``wall``: by the clock, of the round's fastest batch. ``busy``: processor time of this process and of the
    server's processes for it, over all batches of the round.
    """

    wall: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)

    def rate(self, name: str) -> Spread:
        """Return the events per second of a task, by the clock."""
        return Spread.of([1e6 / microseconds for microseconds in self.wall[name]])

    def ratio(self, name: str, base: str) -> Spread:
        """Return the task's rate relative to another's in the same round, by the clock."""
        return _ratio(self.wall, name, base)

    def busy_ratio(self, name: str, base: str) -> Spread:
        """Return the same by processor time, which neighbours on the machine hardly change."""
        return _ratio(self.busy, name, base)


def _ratio(costs: Mapping[str, Sequence[float]], name: str, base: str) -> Spread:
    return Spread.of([b / a for a, b in zip(costs[name], costs[base], strict=True)])


def compare(
    tasks: Sequence[Task],
    rounds: int,
    meter: Callable[[], Callable[[], float]],
) -> Rounds:
    """Time every task in every round.

    ``meter`` is called when every task is connected. It returns a function that gives the server's processor
    time in seconds.

    The tasks take turns batch by batch, and each round starts with another one, so whatever else the machine
    does affects all of them equally. The first batches of each task are not counted.
    """
    for task in [*tasks, *tasks]:
        task.prepare()()
    server = meter()
    result = Rounds({task.name: [] for task in tasks}, {task.name: [] for task in tasks})
    for number in range(rounds):
        first = number % len(tasks)
        _round([*tasks[first:], *tasks[:first]], server, result)
    return result


def _round(tasks: Sequence[Task], server: Callable[[], float], result: Rounds) -> None:
    fastest = {task.name: float("inf") for task in tasks}
    spent = {task.name: 0.0 for task in tasks}
    for turn in range(max(task.batches for task in tasks)):
        for task in tasks:
            if turn < task.batches:
                timed = task.prepare()
                server_before = server()
                own_before, before = time.process_time(), time.perf_counter()
                timed()
                took = time.perf_counter() - before
                spent[task.name] += (
                    time.process_time() - own_before
                )  # before the server's is read: that takes time
                spent[task.name] += server() - server_before
                fastest[task.name] = min(took, fastest[task.name])
    for task in tasks:
        result.wall[task.name].append(fastest[task.name] / task.events * 1e6)
        result.busy[task.name].append(spent[task.name] / task.events / task.batches * 1e6)
