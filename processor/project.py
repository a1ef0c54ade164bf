"""What a project says of its pipelines: the table ``[tool.spm]`` of its ``pyproject.toml``."""

import tomllib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from processor.errors import ConfigurationError
from processor.pipelines import DEFAULT

SUFFIXES: Final = (".py", ".sql")
Module = Annotated[str, Meta(pattern=r"^\w+(\.\w+)*$")]


class Project(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``pipelines``: modules that declare one, the first of which commands mean.

    ``requirements``: a file, with hashes, of what their code needs besides what every function has.
    """

    pipelines: Annotated[tuple[Module, ...], Meta(min_length=1)] = DEFAULT
    requirements: str | None = None


def read(folder: Path) -> Project:
    """Return what the folder's project says; raise ConfigurationError where that is wrong."""
    file = folder / "pyproject.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return msgspec.convert(content.get("tool", {}).get("spm", {}), Project)
    except FileNotFoundError:
        return Project()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML file: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}, [tool.spm]: {error}") from error


def files(modules: Sequence[str]) -> dict[str, Path]:
    """Return what belongs to pipelines, by its name where they are deployed: of a package all code and SQL.

    And what makes the folders above it packages: without it, another package of that name on the path comes
    before this one (https://docs.python.org/3/reference/import.html#namespace-packages).
    Raises ConfigurationError where a module cannot be found.
    """
    found: dict[str, Path] = {}
    for module in modules:
        file = _origin(module)
        is_package = file.name == "__init__.py"
        path = Path(*module.split("."))
        root = file.parents[len(path.parts) - (not is_package)]
        above = [root / folder / "__init__.py" for folder in list(path.parents)[:-1]]
        inside = sorted(file.parent.rglob("*")) if is_package else [file]
        taken = [*(init for init in above if init.exists()), *(f for f in inside if f.suffix in SUFFIXES)]
        found |= {path.relative_to(root).as_posix(): path for path in taken}
    return found


def _origin(module: str) -> Path:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the pipeline's module {module} has no file of its own")
    return Path(spec.origin).absolute()
