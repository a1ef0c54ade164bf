"""An execution environment's one connection: opened when needed, kept, and replaced when it fails."""

import asyncio
import functools
import itertools
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import asyncpg
from asyncpg.exceptions import (
    InternalClientError,
    InvalidAuthorizationSpecificationError,
    ReadOnlySQLTransactionError,
)

from processor.errors import ConfigurationError, CredentialsRefused, RetryLater, TransientError
from processor.settings import Settings, SslMode
from processor.storage.secret import CURRENT, PENDING, Login, read_login
from processor.storage.session import Session

T = TypeVar("T")

RESPONSE_MARGIN: Final = 2.0  # seconds kept back from the deadline to roll back and answer
ATTEMPT: Final = 15.0  # seconds for one attempt: a server that hangs must not eat the whole invocation
CONNECT: Final = 5.0  # seconds to a connection that is ready for statements
FIRST_PAUSE: Final = 0.1  # seconds at the most before the second retry, doubled for each later one …
LONGEST_PAUSE: Final = 5.0  # … up to this

SERVER_SETTINGS: Final = {
    "application_name": "student-performance-processor",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "20s",
    "timezone": "UTC",
    # A plan from when a table was empty still scans it when it is large, so redeliveries cost more and more.
    "plan_cache_mode": "force_custom_plan",
}

# Connection lost, transaction rolled back, out of resources, object busy, operator intervened.
TRANSIENT_CLASSES: Final = ("08", "40", "53", "55", "57")

CERTIFICATES = Path(__file__).parents[1] / "rds-ca.pem"


class Deadline:
    """When the invocation must have answered."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left for work, without the margin for the response."""
        return self._end - time.monotonic() - RESPONSE_MARGIN


class Database:
    """Runs work on the database, and repeats it until it is done or the deadline nears.

    ``attempt``: the longest one may take, in seconds; ``statement``: the longest one of its statements may,
    by itself as long; ``prepare`` runs before the first connection; ``read`` gives a version of the login, if
    there is one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        attempt: float = ATTEMPT,
        statement: float | None = None,
        prepare: Callable[[], Awaitable[object]] | None = None,
        read: Callable[[str, str], Awaitable[Login | None]] = read_login,
    ) -> None:
        self.retries = 0
        self._settings = settings
        self._attempt = attempt
        self._statement = statement or attempt
        self._prepare = prepare
        self._read = read
        self._login: Login | None = None
        self._session: Session | None = None

    async def run(self, work: Callable[[Session], Awaitable[T]], deadline: Deadline) -> T:
        """Return the work's result.

        Transient failures are repeated on a new connection, at once the first time (the connection may have
        died while idle), then after pauses that grow. Raises RetryLater when there is no time for another
        attempt, CredentialsRefused when no login works, and whatever else the work raises.
        """
        for pause in _pauses():
            try:
                async with asyncio.timeout(min(self._attempt, max(deadline.remaining(), 0))):
                    return await work(await self._ready())
            except Exception as error:
                self.discard()
                if not is_transient(error):
                    raise
                if deadline.remaining() <= pause:
                    raise RetryLater(f"no time for another attempt after {describe(error)}") from error
            self.retries += 1
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def discard(self) -> None:
        """Drop the connection without telling the server, which may not be listening."""
        if self._session:
            self._session.connection.terminate()
        self._session = None

    async def _ready(self) -> Session:
        if self._session is None:
            if self._prepare:
                await self._prepare()
                self._prepare = None
            self._session = Session(await self._connect())
        return self._session

    async def _connect(self) -> asyncpg.Connection:
        refused: list[Login] = []
        async for login in self._logins():
            if login in refused:
                continue
            try:
                connection = await open_connection(login, self._settings.sslmode, self._statement)
            except InvalidAuthorizationSpecificationError:
                refused.append(login)
            else:
                self._login = login
                return connection
        self._login = None
        if not refused:
            raise ConfigurationError(f"the secret {self._settings.secret_arn} does not exist or has no value")
        raise CredentialsRefused(
            f"PostgreSQL refused every version of the login in {self._settings.secret_arn}: "
            "set the role's password to the secret's, or finish the rotation"
        )

    async def _logins(self) -> AsyncIterator[Login]:
        """Yield the login that worked last, then the current one, then the one that a rotation prepares."""
        if self._login:
            yield self._login
        for stage in (CURRENT, PENDING):
            login = await self._read(self._settings.secret_arn, stage)
            if login:
                yield login


async def open_connection(login: Login, sslmode: SslMode, patience: float) -> asyncpg.Connection:
    """Return a connection on which no statement runs longer than ``patience`` seconds.

    The server ends it too, because a statement that outlived its client would hold locks against the client's
    own next attempt. Raises ConfigurationError if the server's certificate cannot be trusted.
    """
    try:
        return await asyncpg.connect(
            host=login.host,
            port=login.port,
            user=login.username,
            password=login.password,
            database=login.dbname,
            ssl=False if sslmode == "disable" else _verifying(),
            timeout=CONNECT,
            server_settings={**SERVER_SETTINGS, "statement_timeout": f"{patience:.0f}s"},
        )
    except ssl.SSLCertVerificationError as error:
        raise ConfigurationError(
            f"the certificate of {login.host} cannot be trusted: {error.verify_message}; "
            f"connect by the name in the certificate, and keep {CERTIFICATES.name} up to date"
        ) from error


@functools.cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATES if CERTIFICATES.exists() else None)


def is_transient(error: Exception) -> bool:
    """Tell whether another attempt may succeed (docs/design.md, "Errors are decisions").

    After a failover, a fenced primary still answers but only reads. Its name soon leads elsewhere.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return isinstance(error, ReadOnlySQLTransactionError) or state[:2] in TRANSIENT_CLASSES
    return isinstance(error, (TransientError, OSError, asyncpg.InterfaceError, InternalClientError))


def describe(error: Exception) -> str:
    """Return the error's class, SQLSTATE and message in one line."""
    sqlstate = getattr(error, "sqlstate", None)
    return " ".join(filter(None, (type(error).__name__, sqlstate, str(error).partition("\n")[0])))


def _pauses() -> Iterator[float]:
    yield 0
    for doubling in itertools.count():
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(doubling, 10))
        yield random.uniform(longest / 2, longest)  # noqa: S311 - jitter keeps no secret
