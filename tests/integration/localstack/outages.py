"""Ways in which a database server stops answering."""

import contextlib
from collections.abc import Callable, Iterator

from docker.models.containers import Container

from tests.waiting import wait_until

Outage = Callable[[Container], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def paused(server: Container) -> Iterator[None]:
    """Frozen: connections stay open and nothing answers."""
    server.pause()
    try:
        yield
    finally:
        server.unpause()


@contextlib.contextmanager
def stopped(server: Container) -> Iterator[None]:
    """Gone: connections are cut, its name does not resolve."""
    server.stop()
    try:
        yield
    finally:
        server.start()
        ready = ["pg_isready", "--host", "127.0.0.1"]
        wait_until(lambda: server.exec_run(ready).exit_code == 0, "the server to start", seconds=30)
