"""Synthesis gives the same bytes in any folder and with any Python, without network, AWS account or git."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
INPUTS = ["uv.lock", "pyproject.toml", "processor", "portal", "infra", "README.md", "environments"]
PACKAGES = ["emulation", "spm"]
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def checkout(folder: Path) -> Path:
    for name in INPUTS + PACKAGES:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return folder


def node_folder() -> str:
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert node is not None
    return str(Path(node).parent)


def synthesise(folder: Path, python: Path, *before: str, **context: str) -> Path:
    """Run the app as ``cdk`` runs it, with almost no environment."""
    out = folder / "cdk.out"
    done = subprocess.run(
        [*before, str(python), "-P", "-m", "infra.app"],
        cwd=folder,
        env={
            "PATH": f"{python.parent}{os.pathsep}{node_folder()}",
            "HOME": os.environ.get("HOME", str(folder)),
            "PYTHONPATH": str(folder),  # the code of this copy, not of the checkout that is installed
            "CDK_OUTDIR": str(out),
            "CDK_CONTEXT_JSON": json.dumps({"target": "aws"} | context),
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def assert_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def another_python() -> Path:
    """Return an interpreter of another version, from PATH or from pyenv; skip if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in (v for v in ("3.13", "3.12", "3.11") if v != THIS):
        on_path = shutil.which(f"python{version}")
        for candidate in [*([Path(on_path)] if on_path else []), *pyenv.glob(f"{version}.*/bin/python3")]:
            if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                return candidate
    pytest.skip(f"no Python but {THIS} on this machine")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(synthesise(checkout(tmp_path_factory.mktemp("reference")), Path(sys.executable)))


def test_another_path_and_another_python_give_the_same_bytes(
    reference: dict[str, bytes], tmp_path: Path
) -> None:
    folder = checkout(tmp_path / "another" / "place")
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder / ".venv")}
    sync = ["sync", "--frozen", "--quiet", "--no-default-groups", "--no-install-project"]
    subprocess.run(
        [find_uv_bin(), *sync, "--python", str(another_python())],
        cwd=folder,
        env={k: v for k, v in environment.items() if k != "VIRTUAL_ENV"},
        check=True,
        timeout=180,
    )
    assert_same(contents(synthesise(folder, folder / ".venv" / "bin" / "python")), reference)


def test_without_network_account_and_git(reference: dict[str, bytes], tmp_path: Path) -> None:
    offline = [shutil.which("unshare") or "false", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], check=False).returncode != 0:
        pytest.skip("needs Linux with network namespaces (unshare)")
    # In a checkout of its own the asset is built again, from uv's cache, which the reference has filled.
    assert_same(contents(synthesise(checkout(tmp_path), Path(sys.executable), *offline)), reference)


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"shardCont": "2"}, "error: context key shardCont is unknown: did you mean shardCount?\n"),
        (
            {"batchSize": "0"},
            "error: context batchSize: '0' is not possible; allowed: a whole number from 1 to 10000\n",
        ),
    ],
)
def test_a_wrong_context_is_one_line_and_a_failure(
    context: dict[str, str], line: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "infra.app"],
        cwd=ROOT,
        env={
            **os.environ,
            "CDK_OUTDIR": str(tmp_path),
            "CDK_CONTEXT_JSON": json.dumps({"target": "aws", **context}),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == line
