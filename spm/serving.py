"""The pages for teachers and advisors, served on this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

import uvicorn
from botocore.exceptions import BotoCoreError, ClientError
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware

from portal.dashboard.app import Dashboard, make_app
from portal.dashboard.local import LocalDoor
from portal.dashboard.source import Ask, RefusedError, Reports, UnavailableError
from processor.commands.command import Command
from processor.commands.refresh import Refresh
from spm.aws.commands import Commands
from spm.aws.explain import explain
from spm.aws.target import Connection
from spm.errors import InputError, OperationRefusedError
from spm.operating import StackPipeline
from spm.terminal import console

FRESH_SECONDS: Final = 2.0
STOP_SECONDS: Final = 5.0

A = TypeVar("A")


def serve(connection: Connection, port: int, as_teacher: str | None) -> None:
    """Print the address that opens the pages, and serve them until Ctrl-C. Port 0 takes any free port."""
    with listening(port) as listener:
        address, server = prepared(connection, listener, as_teacher)
        console.err.print(address, soft_wrap=True)
        console.err.print("Ctrl-C stops it")
        server.run(sockets=[listener])


def prepared(
    connection: Connection, listener: socket.socket, as_teacher: str | None = None
) -> tuple[str, uvicorn.Server]:
    """Return the address that opens the pages once, and a server of the pages on the listener.

    A teacher does not see how events arrive.
    """
    ask = Asking(connection.commands)
    pipeline = None if as_teacher else StackPipeline(connection)
    source = Reports(ask, as_teacher=as_teacher, freshen=Freshening(ask), pipeline=pipeline)
    number = listener.getsockname()[1]
    door = LocalDoor(number)
    pages = Dashboard(lambda _: source, zone=datetime.now().astimezone().tzinfo or UTC)
    app = make_app(pages, [Middleware(BaseHTTPMiddleware, dispatch=door)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    return f"http://127.0.0.1:{number}/?token={door.token}", server


@contextmanager
def beside(connection: Connection) -> Iterator[str]:
    """Serve the pages on any free port while this thread does something else, and yield the address."""
    with listening(0) as listener:
        address, server = prepared(connection, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(STOP_SECONDS)


class Asking:
    """A source that asks the stack's functions."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def __call__(self, command: Command[A]) -> A:
        """Return the answer, or raise RefusedError with the function's words, or UnavailableError."""
        try:
            return self._commands.run(command)
        except OperationRefusedError as error:
            raise RefusedError(str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError(explain(error)) from error


class Freshening:
    """Brings everything up to date, at most every two seconds, so that an event is seen at once.

    Whoever may not do that sees what the schedule did at most a minute ago.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._next = 0.0
        self._busy = threading.Lock()

    def __call__(self) -> None:
        """Refresh, unless that was done just now or another thread is doing it."""
        if time.monotonic() < self._next or not self._busy.acquire(blocking=False):
            return
        try:
            self._ask(Refresh())
        except (RefusedError, UnavailableError):
            pass  # The page then shows what there is, and says how old it is.
        finally:
            self._next = time.monotonic() + FRESH_SECONDS
            self._busy.release()


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback, or raise InputError if the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()  # Whoever gets the address may connect at once.
    except OSError as error:
        listener.close()
        raise InputError(f"port {port} is taken: choose another with --port, or 0 for any") from error
    return listener
