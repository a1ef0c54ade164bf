"""Builds the Lambda assets without Docker: our code, the project's pipelines and exactly the locked packages.

The same inputs give the same bytes on every machine, so the CDK's content hash changes only when the code
does.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processor import project
from processor.errors import ConfigurationError

OURS: Final = Path(__file__).resolve().parent.parent
"""Where our own packages are: in a checkout, or where the wheel is installed."""
CACHE: Final = Path(".local", "assets")
"""In the project's folder, where the CDK runs the app."""
REQUIREMENTS: Final = Path(__file__).with_name("requirements")
CERTIFICATES: Final = Path(__file__).with_name("rds-ca.pem")
CERTIFICATES_IN_ASSET: Final = Path("processor") / "rds-ca.pem"
PORTAL_FILES: Final = (".py", ".html", ".css", ".js", ".svg", ".toml")
SIZE_LIMIT: Final = 25 * 2**20  # bytes; this keeps cold starts short, and is far below Lambda's 250 MiB

# What installers write about the installation and not the package, and scripts that name this machine.
INSTALLERS_NOTES: Final = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json")


class AssetError(Exception):
    """The asset cannot be built. The message says which step failed and what to do."""


@dataclass(frozen=True)
class Platform:
    """Where the asset will run.

    ``wheels`` is uv's name for the platform, or None for this machine. ``certificates`` is a PEM file by
    which the database is known, or None if connections are not encrypted.
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
        """Python 3.13 on Graviton, with the certificates by which RDS is known, or with others."""
        return cls("3.13", "aarch64-manylinux_2_28", certificates or CERTIFICATES)


def is_arm() -> bool:
    """Whether this machine is of the arm64 architecture."""
    return platform.machine() in ("arm64", "aarch64")


def build(where: Platform, pipelines: Sequence[str] = (), requirements: Path | None = None) -> Path:
    """Return the folder with the asset for a platform, made on first need and kept under ``.local/assets``.

    ``pipelines`` are the modules that declare them; a package's whole folder is included. ``requirements`` is
    a file with hashes of what else they need. This needs the network only if uv's own cache lacks a wheel.
    Raises AssetError.
    """
    needed = [REQUIREMENTS / "functions.txt", *([requirements] if requirements else [])]
    return _built(where, {**_processor_files(), **_pipeline_files(pipelines)}, needed)


def build_portal(where: Platform) -> Path:
    """Return the folder with the asset of the functions outside the VPC, as ``build`` does.

    It also holds the processor's code: the front door judges records with it, and the dashboard uses its
    commands.
    """
    files = {**_files(OURS / "portal", PORTAL_FILES), **_processor_files()}
    return _built(where, files, [REQUIREMENTS / "portal.txt"])


def _built(where: Platform, files: Mapping[str, Path], requirements: Sequence[Path]) -> Path:
    cache = CACHE.resolve()
    folder = cache / _key(where, files, requirements)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as temporary:
        made = Path(temporary) / "asset"
        _install(where, made, requirements)
        _tidy(made)
        _copy(files, made)
        if where.certificates:
            (made / CERTIFICATES_IN_ASSET).write_text(certificates(where.certificates))
        _normalise(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process was quicker. Its asset is the same, byte for byte.
            if not folder.is_dir():
                raise
    return folder


def schema_hash(*also: str, pipelines: Sequence[str] = ()) -> str:
    """Return a short hash of everything that makes up the migrations. It changes when they must run again."""
    digest = hashlib.sha256()
    files = {**_processor_files(".sql"), **_pipeline_files(pipelines)}
    for name in sorted(files):
        digest.update(f"{name}\0".encode() + files[name].read_bytes() + b"\0")
    digest.update("\0".join(also).encode())
    return digest.hexdigest()[:16]


def certificates(file: Path) -> str:
    """Return a certificate bundle as PEM text. Raise AssetError if there is none."""
    if not file.is_file():
        raise AssetError(
            f"there is no file {file.name} with the certificates of RDS: correct context databaseCertificates"
        )
    text = file.read_text()
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise AssetError(f"{file.name} holds no PEM certificate")
    return text


def _key(where: Platform, files: Mapping[str, Path], requirements: Sequence[Path]) -> str:
    wheels = where.wheels or f"{sys.platform} {platform.machine()}"
    digest = hashlib.sha256(f"{where.python_version} {wheels}".encode())
    for path in [Path(__file__), *requirements]:
        digest.update(_read(path))
    for name in sorted(files):
        digest.update(f"{name}\0".encode() + files[name].read_bytes())
    if where.certificates:
        digest.update(certificates(where.certificates).encode())
    return digest.hexdigest()[:16]


def _read(requirements: Path) -> bytes:
    try:
        return requirements.read_bytes()
    except OSError as error:
        raise AssetError(
            f"[tool.spm] requirements: {requirements} cannot be read: {error.strerror}"
        ) from error


def _files(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Return the files of one of our packages by their names in the asset."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix in suffixes)
    return {path.relative_to(OURS).as_posix(): path for path in files}


def _processor_files(*suffixes: str) -> dict[str, Path]:
    return _files(OURS / "processor", suffixes or (".py", ".sql"))


def _pipeline_files(modules: Sequence[str]) -> dict[str, Path]:
    try:
        return project.files(modules)
    except ConfigurationError as error:
        raise AssetError(str(error)) from error


def _install(where: Platform, folder: Path, requirements: Sequence[Path]) -> None:
    install = [
        *("pip", "install", "--quiet", "--target", str(folder)),
        *(f"--requirements={file}" for file in requirements),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"),
        *("--python", sys.executable, "--python-version", where.python_version),
        *(("--python-platform", where.wheels) if where.wheels else ()),
    ]
    try:
        # Cached packages need no network, but uv would ask the registry again after ten minutes.
        _uv(*install, "--offline")
    except AssetError:
        shutil.rmtree(folder, ignore_errors=True)
        _uv(*install)


def _uv(*arguments: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    command = [_uv_binary(), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
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


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    for name, path in files.items():
        copy = folder / name
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
