"""The parts of the embedded cloud, one by one: PostgreSQL, child processes and the state file."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import asyncpg
import pytest

from emulation import cdk
from emulation.cloud import CloudState, EmbeddedCloud, read_state, remove_state
from emulation.errors import DeployFailed, EmulationError, StartFailed
from emulation.postgres import PostgresServer
from emulation.process import ChildProcess
from tests.support import process_of


async def fetch(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_postgresql_is_18_durable_and_asks_for_a_password(embedded_cloud: EmbeddedCloud) -> None:
    server = embedded_cloud.database
    server.create_database("plain")
    server.create_database("plain")  # a second time changes nothing
    dsn = server.dsn("plain")
    assert str(await fetch(dsn, "SHOW server_version")).startswith("18.")
    assert await fetch(dsn, "SHOW fsync") == "on"
    assert await fetch(dsn, "SHOW synchronous_commit") == "on"
    assert await fetch(dsn, "SHOW listen_addresses") == "127.0.0.1"
    assert await fetch(dsn, "SHOW server_encoding") == "UTF8"
    method = "SELECT DISTINCT auth_method FROM pg_hba_file_rules"
    assert await fetch(dsn, method) == "scram-sha-256"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(dsn.replace(server.password, "wrong"), "SELECT 1")
    server.drop_database("plain")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await fetch(dsn, "SELECT 1")


async def test_two_servers_side_by_side(tmp_path: Path) -> None:
    servers = [PostgresServer(tmp_path / name) for name in ("one", "two")]
    try:
        for server in servers:
            server.start()
        assert servers[0].port != servers[1].port
        assert servers[0].password != servers[1].password
        for server in servers:
            assert await fetch(server.dsn("postgres"), "SHOW port") == str(server.port)
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def kept() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach, which it cannot with pytest's own when root runs this."""
    folder = Path(tempfile.mkdtemp(prefix="spm-data-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_the_next_server_finds_the_data_of_the_one_before(tmp_path: Path, kept: Path) -> None:
    for run in (1, 2):
        server = PostgresServer(tmp_path / str(run), data=kept)
        server.start()
        try:
            server.create_database("kept")
            dsn = server.dsn("kept")
            await fetch(dsn, "CREATE TABLE IF NOT EXISTS t AS SELECT 'first run'")
            assert await fetch(dsn, "SELECT count(*) FROM t") == 1
        finally:
            server.stop()


def test_the_kept_password_is_its_owners_alone(tmp_path: Path, kept: Path) -> None:
    server = PostgresServer(tmp_path, data=kept)
    server.start()
    server.stop()
    assert (kept / "password").stat().st_mode & 0o077 == 0


def test_a_server_begins_with_a_copy_of_the_template(tmp_path: Path) -> None:
    template = tmp_path / "template"
    passwords = set()
    for name in ("one", "two"):
        server = PostgresServer(tmp_path / name, durable=False, template=template)
        server.start()
        try:
            server.create_database("new")
            passwords.add(server.password)
        finally:
            server.stop()
    assert passwords == {(template / "password").read_text()}  # initdb would have made another one


def test_binaries_that_the_server_s_user_cannot_reach_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL as another user")
    monkeypatch.setattr(PostgresServer, "_can_run", lambda _: False)
    server = PostgresServer(tmp_path)
    server.start()
    try:
        assert Path(process_of(server.program).exe()).is_relative_to(server.folder)
        server.create_database("there")
    finally:
        server.stop()
    assert not server.folder.exists()


def test_a_child_that_ends_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    child = ChildProcess(
        name="The child",
        command=[sys.executable, "-c", "print('what went wrong')"],
        environment={},
        log=tmp_path / "child.log",
    )
    child.start()
    with pytest.raises(StartFailed, match="The child ended while starting") as failure:
        child.wait_until_healthy(lambda: False, seconds=20)
    assert "what went wrong" in str(failure.value)


def test_a_child_that_is_never_healthy_misses_its_deadline(tmp_path: Path) -> None:
    child = ChildProcess(
        name="The child",
        command=[sys.executable, "-c", "import time; time.sleep(60)"],
        environment={},
        log=tmp_path / "child.log",
    )
    child.start()
    with pytest.raises(StartFailed, match="was not ready after"):
        child.wait_until_healthy(lambda: False, seconds=0.2)
    assert not child.running


def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "child.log"
    child = ChildProcess(name="The child", command=[sys.executable, "-c", stubborn], environment={}, log=log)
    child.start()
    child.wait_until_healthy(lambda: log.read_text().endswith("\n"), seconds=20)
    child.stop()
    assert not child.running
    gone = subprocess.run(
        ["ps", "-o", "stat=", "-p", log.read_text().strip()], capture_output=True, text=True, check=False
    )
    assert gone.stdout.strip()[:1] in {"", "Z"}


def test_another_terminal_finds_the_cloud(embedded_cloud: EmbeddedCloud, tmp_path: Path) -> None:
    file = tmp_path / "cloud.json"
    assert read_state(file) is None
    embedded_cloud.write_state(file)
    assert file.stat().st_mode & 0o077 == 0
    state = read_state(file)
    assert state is not None
    assert state.endpoint_url == embedded_cloud.endpoint_url
    assert state.aws_environment == embedded_cloud.aws_environment()
    remove_state(file)
    assert not file.exists()


def test_the_state_of_a_cloud_that_is_gone_is_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    file = tmp_path / "cloud.json"
    state = CloudState(ended.pid, endpoint_url="", region="", aws_environment={}, databases={})
    file.write_text(json.dumps(asdict(state)))
    assert read_state(file) is None


def test_an_unreadable_state_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "cloud.json"
    file.write_text("{")
    with pytest.raises(EmulationError, match="remove it"):
        read_state(file)


@pytest.mark.long
def test_a_failed_deployment_gives_its_last_useful_lines(embedded_cloud: EmbeddedCloud) -> None:
    with pytest.raises(DeployFailed) as failure:
        embedded_cloud.deploy("broken", {"batchSize": "none"})
    message = str(failure.value)
    assert "batchSize" in message
    assert "Traceback" not in message
    assert len(message.splitlines()) <= cdk.ERROR_LINES_SHOWN + 1
