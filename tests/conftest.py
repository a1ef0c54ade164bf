"""What all tests share."""

import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--localstack",
        action="store_true",
        help="the container tests must run: where they would skip (no engine, no images), they fail",
    )
    parser.addoption(
        "--all",
        action="store_true",
        help="also the long tests; they run, too, when their file or folder is named",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests of a plain run: a developer's answer comes within five minutes."""
    if config.getoption("--all") or config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_configure() -> None:
    # A run in the background of a shell ignores Ctrl-C, and so would every process that a test starts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
