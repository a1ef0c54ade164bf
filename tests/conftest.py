"""What all tests share."""

import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--localstack",
        action="store_true",
        help="the container tests must run: where they would skip (no engine, no images), they fail",
    )


def pytest_configure() -> None:
    # A run in the background of a shell ignores Ctrl-C, and so would every process that a test starts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
