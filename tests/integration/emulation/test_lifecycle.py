"""However the process that holds the cloud ends, nothing outlives it, not even a function in mid-handler."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.long

HOLDER = """
import io, sys, zipfile
from pathlib import Path
from emulation.cloud import EmbeddedCloud

code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("slow.py", "import time\\ndef handler(event, context):\\n    time.sleep(600)\\n")

with EmbeddedCloud(Path(sys.argv[1])) as cloud:
    cloud.start_runner()
    function = cloud.client("lambda")
    function.create_function(
        FunctionName="slow", Runtime="python3.13", Handler="slow.handler", Timeout=900,
        Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": code.getvalue()},
    )
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="x")
    function.create_event_source_mapping(
        FunctionName="slow", StartingPosition="TRIM_HORIZON",
        EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
    )
    (cloud.folder / "deployments" / "dev").mkdir(parents=True)  # what a deployment makes
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cloud"


@pytest.fixture
def holder(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with process:
        yield process
        process.kill()


def children_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def commands(processes: list[psutil.Process]) -> str:
    return "\n".join(" ".join(process.cmdline()) for process in processes)


def is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(how: signal.Signals, holder: "subprocess.Popen[str]", folder: Path) -> None:
    wait_until(lambda: "_worker.py" in commands(children_of(holder)), "the function to run", seconds=20)
    children = children_of(holder)
    assert all(name in commands(children) for name in ("postgres", "ministack_server", "emulation.runner"))
    data_folder = next(Path(process.cmdline()[2]) for process in children if process.cmdline()[1:2] == ["-D"])
    holder.send_signal(how)
    holder.wait(20)
    wait_until(lambda: not any(map(is_alive, children)), "every process to end", seconds=10)
    wait_until(lambda: not folder.exists(), "the cloud's folder to go", seconds=5)
    wait_until(lambda: not data_folder.exists(), "the database's folder to go", seconds=5)


def test_an_ordinary_end_leaves_nothing(holder: "subprocess.Popen[str]", folder: Path) -> None:
    children = children_of(holder)
    assert children
    holder.communicate()
    assert holder.returncode == 0
    wait_until(lambda: not any(map(is_alive, children)), "every process to end", seconds=10)
    assert not folder.exists()


def test_the_environment_is_clean_and_no_connection_string_is_shown(holder: "subprocess.Popen[str]") -> None:
    processes = children_of(holder)
    server = next(one for one in processes if one.cmdline()[-1:] == ["emulation.ministack_server"])
    seen = {name for process in [server, *server.children()] for name in process.environ()}
    leaked = (seen & set(os.environ)) - {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LOG_LEVEL", "DOCKER_HOST"}
    assert not {name for name in leaked if not name.startswith(("AWS_", "LC_", "PYTHON"))}
    shown = commands(processes)
    assert "-D" in shown
    assert "postgresql://" not in shown
    assert "PGPASSWORD" not in shown
