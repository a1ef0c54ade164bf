"""What all tests share: which of them a plain run leaves out, and how many examples property tests try."""

import signal
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

PLAIN_EXAMPLES: Final = 20
WORKERS: Final = 3
ON_CLOUD: Final = {"embedded_cloud", "target"}
"""Fixtures that need the shared cloud; a scenario's ``target`` asks for it only when it runs."""

LEFT_OUT: Final = pytest.StashKey["Counter[str]"]()

# There are no deadlines, because the time of an example depends on the machine, too.
settings.register_profile("plain", max_examples=PLAIN_EXAMPLES, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--localstack",
        action="store_true",
        help="make container tests fail where they would be skipped (no Docker engine, no images)",
    )
    parser.addoption(
        "--all",
        action="store_true",
        help="run the long tests, too; they also run when their file or folder is named",
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A plain run has three workers, because tests wait as much as they compute; any other has none."""
    return WORKERS if is_plain(config) else 0


def pytest_configure(config: pytest.Config) -> None:
    # A worker is given its files by name, and takes all other options from here.
    if not is_worker(config):
        config.option.all = not is_plain(config)
    settings.load_profile("plain" if is_plain(config) else "thorough")
    # A shell's background job ignores Ctrl-C, and so would every process that a test starts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process runs tests for another one."""
    return hasattr(config, "workerinput")


def is_plain(config: pytest.Config) -> bool:
    """Return whether the run neither asks for everything nor names a file or folder."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS and not is_worker(config)
    return not (named or config.getoption("--all"))


@pytest.hookimpl(tryfirst=True)  # it must run before -m selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that use the shared embedded cloud, and leave the long tests out of a plain run."""
    for item in items:
        if ON_CLOUD & set(getattr(item, "fixturenames", ())):
            item.add_marker("cloud")
    if is_plain(config):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        note_left_out(config, Counter(folder_of(item) for item in long))
        items[:] = [item for item in items if item not in long]


def note_left_out(config: pytest.Config, left_out: "Counter[str]") -> None:
    """Note how many tests of each folder are left out; a worker tells the process that it works for."""
    if is_worker(config):
        config.workeroutput["left_out"] = dict(left_out)  # type: ignore[attr-defined]  # xdist's, for answers
    config.stash[LEFT_OUT] = left_out


def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has told."""
    note_left_out(node.config, Counter(getattr(node, "workeroutput", {}).get("left_out", {})))


def folder_of(item: pytest.Item) -> str:
    return Path(item.path).parent.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what a plain run left out, and how to run it."""
    if left_out := config.stash.get(LEFT_OUT, None):
        folders = ", ".join(f"{folder} {count}" for folder, count in left_out.most_common())
        terminalreporter.write_line(
            f"{left_out.total()} long tests were left out ({folders}), and property tests tried"
            f" {PLAIN_EXAMPLES} examples instead of 100: ./scripts/test --all runs everything"
        )
