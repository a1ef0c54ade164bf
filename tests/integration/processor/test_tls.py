"""verify-full against a real PostgreSQL with TLS: only the right host and authority get a connection."""

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import trustme

from emulation.postgres import os_user
from emulation.process import free_port
from processor.errors import ConfigurationError
from processor.storage import connection
from tests.integration.processor.conftest import make_world
from tests.integration.processor.world import World, connection_of, records


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TlsServer:
    """A PostgreSQL that the operating system installed, with a certificate for ``localhost``.

    The wheel that the other tests use is built without TLS.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.host, self.port, self.user, self.password = "127.0.0.1", free_port(), "dbadmin", "owner"
        self._binaries, self._data = binaries, folder / "data"
        self._os_user = os_user()

    def start(self, certificate: trustme.LeafCert) -> None:
        password = self._data.with_name("password")
        password.write_text(self.password)
        self._hand_over(self._data.parent, password)
        self._run("initdb", "-D", self._data, "-U", self.user, "-A", "scram-sha-256", "--pwfile", password)
        certificate.cert_chain_pems[0].write_to_path(self._data / "server.crt")
        certificate.private_key_pem.write_to_path(self._data / "server.key")
        (self._data / "server.key").chmod(0o600)
        self._hand_over(self._data / "server.crt", self._data / "server.key")
        options = f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories= -c ssl=on"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._data / "log", "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", self._data)

    def _hand_over(self, *paths: Path) -> None:
        for path in paths:
            if self._os_user:
                shutil.chown(path, self._os_user)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True,
            user=self._os_user,
            cwd=self._data.parent,
            stdout=subprocess.DEVNULL,
        )


def find_binaries() -> Path | None:
    """Return the programs of a PostgreSQL ≥ 15 that the operating system installed."""
    places = (("/usr/lib/postgresql", "*/bin/initdb"), ("/opt/homebrew/opt", "postgresql@*/bin/initdb"))
    found = [path.parent for root, pattern in places for path in Path(root).glob(pattern)]
    return max(found, key=lambda path: path.as_posix(), default=None)


@pytest.fixture(scope="module")
def tls_server(authority: trustme.CA) -> Iterator[TlsServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL with TLS: install one from the operating system's packages")
    folder = Path(tempfile.mkdtemp(prefix="spm-tls-"))
    tls_server = TlsServer(binaries, folder)
    tls_server.start(authority.issue_cert("localhost"))
    yield tls_server
    tls_server.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def tls_world(tls_server: TlsServer) -> AsyncIterator[World]:
    world = await make_world(tls_server)
    world.secrets["AWSCURRENT"] = msgspec.structs.replace(world.login, host="localhost")
    yield world
    await world.close()


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The bundle of certificate authorities that is in the deployed asset."""
    bundle = tmp_path / "rds-ca.pem"
    monkeypatch.setattr(connection, "CERTIFICATES", bundle)
    connection._verifying.cache_clear()
    yield bundle
    connection._verifying.cache_clear()


async def test_the_right_host_and_authority_are_connected_to_by_tls(
    tls_world: World, trust: Path, authority: trustme.CA
) -> None:
    authority.cert_pem.write_to_path(trust)
    database = tls_world.processor(sslmode="verify-full")
    assert (await tls_world.deliver(records([1]), to=database)).saved.stored == 1
    used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert await (await connection_of(database)).fetchval(used) is True


async def test_another_host_than_the_certificates_is_refused(
    tls_world: World, trust: Path, authority: trustme.CA
) -> None:
    authority.cert_pem.write_to_path(trust)
    tls_world.secrets["AWSCURRENT"] = msgspec.structs.replace(tls_world.login, host="127.0.0.1")
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1 cannot be trusted"):
        await tls_world.deliver(records([1]), to=tls_world.processor(sslmode="verify-full"))


async def test_an_untrusted_authority_is_refused(tls_world: World, trust: Path) -> None:
    trustme.CA().cert_pem.write_to_path(trust)
    with pytest.raises(ConfigurationError, match="localhost cannot be trusted"):
        await tls_world.deliver(records([1]), to=tls_world.processor(sslmode="verify-full"))


async def test_a_server_without_tls_gets_no_password(
    world: World, trust: Path, authority: trustme.CA
) -> None:
    authority.cert_pem.write_to_path(trust)
    database = world.processor(sslmode="verify-full")
    outcome = await world.deliver(records([1]), to=database, seconds=3)
    assert outcome.deferred == 1
    assert "SSL" in outcome.why_deferred
