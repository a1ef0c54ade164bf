"""A folder becomes a project, which is deployed with the CDK command line that is installed in it."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from spm.aws.stack import from_outputs
from spm.errors import InputError, StackNotFoundError
from spm.scaffold import node, pipeline

ROOT = Path(__file__).parents[3]
SPM = Path(sys.executable).with_name("spm")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lending-desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def spm(project: Path) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SPM, *arguments], cwd=project, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def install_nothing(project: Path) -> None:
    """Put programs in place of the CDK command line that only say how they were called."""
    for name, version in node.wanted().items():
        (project / "node_modules" / name).mkdir(parents=True)
        (project / "node_modules" / name / "package.json").write_text(json.dumps({"version": version}))
    (project / "node_modules" / ".bin").mkdir()
    for name in ("cdk", "cdklocal"):
        program = project / "node_modules" / ".bin" / name
        program.write_text('#!/bin/sh\necho "$(basename $0) $*" "at $AWS_ENDPOINT_URL"\n')
        program.chmod(0o755)


def test_a_folder_gets_a_pipeline_that_fits_its_table(project: Path, spm: Run) -> None:
    install_nothing(project)
    (project / "pyproject.toml").write_text('[project]\nname = "lending-desk"')
    done = spm("init")
    assert (done.returncode, done.stdout) == (0, "")
    assert "wrote lending_desk/__init__.py\n" in done.stderr
    assert tomllib.loads((project / "pyproject.toml").read_text()) == {
        "project": {"name": "lending-desk"},
        "tool": {"spm": {"pipelines": ["lending_desk"]}},
    }
    checked = spm("pipeline", "check", "--sample", "sample.jsonl")
    assert checked.stdout.endswith("everything fits\n")
    assert checked.stdout.count("quiz") == 3


def test_what_is_there_is_not_overwritten_and_a_second_time_changes_nothing(project: Path, spm: Run) -> None:
    install_nothing(project)
    (project / "sample.jsonl").write_text("mine\n")
    (project / ".gitignore").write_text("secrets\n.local/\n")
    spm("init", "Loans of 2026")
    assert (project / "sample.jsonl").read_text() == "mine\n"
    assert (project / ".gitignore").read_text() == "secrets\n.local/\nnode_modules/\ncdk.out/\n"
    assert 'name="loans-of-2026"' in (project / "loans_of_2026" / "__init__.py").read_text()
    before = sorted(project.rglob("*"))
    again = spm("init")
    assert (again.returncode, again.stderr) == (0, "ready: spm local runs it on this machine\n")
    assert sorted(project.rglob("*")) == before
    assert spm("init", "another").returncode == 2


def test_in_a_package_the_pipeline_is_a_module_of_it(project: Path) -> None:
    package = project / "src" / "lending_desk"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    found = pipeline.place(project, None)
    assert found == ("lending-desk", "lending_desk.pipeline", package / "pipeline")


@pytest.mark.parametrize("name", ["processor", "2026", "ß", "a" * 31])
def test_names_that_cannot_be_are_refused(project: Path, name: str) -> None:
    with pytest.raises(InputError, match="spm init NAME"):
        pipeline.place(project, name)


@pytest.mark.parametrize("file", ["package.json", "package-lock.json"])
def test_the_command_line_is_the_one_that_this_checkout_locks(file: str) -> None:
    assert (node.FILES / file).read_text() == (ROOT / file).read_text()


def test_deploying_hands_on_what_it_does_not_know(project: Path, spm: Run) -> None:
    install_nothing(project)
    spm("init")
    aws = spm("deploy", "aws", "--suffix", "prod", "-c", "shardCount=4", "--profile", "school")
    app = "--app python -P -m infra.app -c target={} -c environmentSuffix={}"
    assert aws.stdout == f"cdk deploy {app.format('aws', 'prod')} -c shardCount=4 --profile school at \n"
    bootstrapped, deployed = spm("deploy", "localstack").stdout.splitlines()
    to_localstack = f"{app.format('localstack', 'dev')} at http://localhost:4566"
    assert bootstrapped == f"cdklocal bootstrap {to_localstack}"
    assert deployed == f"cdklocal deploy {to_localstack}"


def test_without_a_command_line_init_is_named(project: Path, spm: Run) -> None:
    (project / "pyproject.toml").write_text("[tool.spm]\n")
    done = spm("deploy", "aws")
    assert done.returncode == 1
    assert done.stderr == f"spm: the CDK command line is not installed in {project}: run `spm init` there\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("pipelines = []", "Expected `array` of length >= 1 - at `$.pipelines`"),
        ('pipeline = ["loans"]', "Object contains unknown field `pipeline`"),
        ("pipelines =", "is no TOML file: Invalid value"),
    ],
)
def test_a_wrong_table_is_one_line(project: Path, spm: Run, table: str, said: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.spm]\n{table}\n")
    for arguments in (["pipeline", "check"], ["local"]):
        done = spm(*arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_deployed_pipeline_that_is_broken_now_is_told_with_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project)
    (project / "broken_pipeline.py").write_text("\nx = = 1\n")
    with pytest.raises(InputError, match=r"^broken_pipeline\.py:2: SyntaxError: invalid syntax$"):
        from_outputs("a stack", {"Module": "broken_pipeline"})
    with pytest.raises(StackNotFoundError, match="use the project that was deployed"):
        from_outputs("a stack", {"Module": "no_such_pipeline"})
