"""The wheel in an environment of its own, in somebody else's project: five minutes until rows are stored."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.waiting import wait_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
OURS = {"processor", "portal", "infra", "emulation", "spm"}
REFUSING = 'raise RuntimeError("somebody took the project\'s own package for ours")\n'

Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Return the environment of a person's shell, without this checkout's own settings."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "SPM_", "PYTEST_", "PYTHON", "UV_PROJECT", "UV_PYTHON"))
    }
    own = {name: value for name, value in own.items() if name != "VIRTUAL_ENV"}
    path = [part for part in own["PATH"].split(os.pathsep) if part != str(Path(sys.executable).parent)]
    return own | {"PATH": os.pathsep.join(path)}


@pytest.fixture(scope="module")
def project(
    wheel: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A project that uses the wheel, and has folders with the same names as ours."""
    folder = tmp_path_factory.mktemp("projects") / "lending"
    folder.mkdir()
    for name in ("infra", "emulation"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(REFUSING)
    for command in (
        ["init", "--quiet", "--no-workspace", "--vcs", "none", "--python", sys.executable],
        ["add", "--quiet", str(wheel)],
    ):
        subprocess.run(
            [find_uv_bin(), *command], cwd=folder, env=environment, check=True, capture_output=True
        )
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def run(project: Path, environment: dict[str, str]) -> Run:
    def run_in_project(*command: str) -> str:
        done = subprocess.run(
            [find_uv_bin(), "run", "--no-sync", *command],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_in_project


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == OURS
    assert {
        "infra/rds-ca.pem",
        "infra/requirements/functions.txt",
        "portal/dashboard/static/style.css",
        "portal/dashboard/templates/base.html",
        "processor/sql/schema.sql",
        "processor/student_performance/migrations/0001_student_performance.sql",
        "spm/scaffold/files/package-lock.json",
    } <= set(names)


def test_what_it_needs_is_there_and_fits_together(project: Path, environment: dict[str, str]) -> None:
    check = [find_uv_bin(), "pip", "check"]
    subprocess.run(check, cwd=project, env=environment, check=True, capture_output=True)


def test_help_is_there_in_less_than_three_tenths_of_a_second(
    project: Path, environment: dict[str, str]
) -> None:
    """This is processor time, which a busy machine does not stretch; the first run compiles the modules."""
    spm = project / ".venv" / "bin" / "spm"
    assert min(processor_seconds(environment, str(spm), "--help") for _ in range(3)) < 0.3


def test_from_an_empty_folder_to_rows_of_ones_own(
    project: Path, environment: dict[str, str], run: Run
) -> None:
    run("spm", "init")
    assert "everything fits" in run("spm", "pipeline", "check", "--sample", "sample.jsonl")
    command = [find_uv_bin(), "run", "--no-sync", "spm", "local", "--json"]
    cloud = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert cloud.stderr
        said = []
        while not (line := cloud.stderr.readline()).startswith("ready;"):
            said.append(line)
            assert line, f"it ended before it was ready: {said}"
        run("spm", "publish", "sample.jsonl")
        wait_until(
            lambda: "ada,2,7," in run("spm", "query", "students", "--format", "csv"), "the rows", seconds=120
        )
    finally:
        cloud.send_signal(signal.SIGTERM)
        cloud.communicate(timeout=180)
    assert {path.name for path in (project / ".local").iterdir()} >= {"assets", "cache"}
    assert not any(project.glob("cdk.out*"))


def processor_seconds(environment: dict[str, str], *command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
