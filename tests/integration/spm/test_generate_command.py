"""``spm generate`` as a process, into files, pipes and the stream."""

import json
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from processor.commands.status import Status
from tests.integration.spm.conftest import Spm
from tests.support import Deployment


def test_generated_events_pipe_into_publish(spm: Spm) -> None:
    made = spm("generate", "-", "--events", "50", "--bad", "3", "--duplicates", "4", "--seed", "9")
    assert made.returncode == 0
    assert len(made.stdout.splitlines()) == 57
    published = spm("publish", "-", "--json", "--allow-bad", stdin=made.stdout)
    assert published.returncode == 0, published.stderr
    receipt = json.loads(published.stdout)
    assert (receipt["published"], receipt["bad"]) == (54, 3)
    assert receipt["reasons"] == {"not_json": 1, "not_an_object": 1, "missing_member": 1}


def test_generate_straight_to_the_stream(spm: Spm, deployed: Deployment) -> None:
    before = deployed.commands.run(Status()).stored
    seed = str(uuid.uuid4().int % 10**9)
    result = spm("generate", "--stream", "--events", "300", "--students", "5", "--seed", seed)
    assert result.returncode == 0, result.stderr
    deadline = time.monotonic() + 180
    while deployed.commands.run(Status()).stored < before + 300:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_reader_that_leaves_early_is_no_error(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        ["spm", "generate", "-", "--events", "200000"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["student_id"]
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(timeout=120)


def test_generate_to_a_file_says_how_many(spm: Spm, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    result = spm("generate", str(file), "--events", "25", "--bad", "2", "--json")
    assert json.loads(result.stdout) == {"generated": 27}
    assert len(file.read_bytes().splitlines()) == 27


@pytest.mark.parametrize("option", ["--events", "--bad", "--duplicates", "--rate"])
def test_a_school_is_refused_what_it_has_no_use_for(spm: Spm, tmp_path: Path, option: str) -> None:
    result = spm("generate", str(tmp_path / "school"), option, "7")
    (line,) = result.stderr.splitlines()
    assert (result.returncode, line.startswith(f"spm: {option}: not for a folder")) == (2, True)
    assert not (tmp_path / "school").exists()


def test_a_rate_is_kept(spm: Spm, tmp_path: Path) -> None:
    started = time.monotonic()
    assert spm("generate", str(tmp_path / "events.jsonl"), "--events", "21", "--rate", "20").returncode == 0
    assert time.monotonic() - started >= 1.0
