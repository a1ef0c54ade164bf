"""A pipeline to begin with, written into a project that has none."""

import re
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, Final, NamedTuple

from spm.errors import InputError

FILES: Final = Path(__file__).with_name("files")
PROJECT: Final = "pyproject.toml"
IGNORED: Final = (".local/", "node_modules/", "cdk.out/")
NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME: Final = 30


class NewPipeline(NamedTuple):
    """What the pipeline is called, the module that declares it, and that module's folder."""

    name: str
    module: str
    folder: Path

    @property
    def table(self) -> str:
        """The name of its event log."""
        return self.name.replace("-", "_")


def has_pipelines(project: Path) -> bool:
    """Tell whether the project names its pipelines already."""
    return "spm" in _content(project).get("tool", {})


def place(project: Path, name: str | None) -> NewPipeline:
    """Choose where the pipeline goes; raise InputError where it cannot be called that.

    Where the project is a package of that name, as ``uv init`` makes it, the pipeline is a module of it.
    """
    wanted = name or str(_content(project).get("project", {}).get("name", project.name))
    called = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    if not NAME.fullmatch(called) or len(called) > LONGEST_NAME:
        raise InputError(
            f"a pipeline cannot be called {wanted}: name it with up to {LONGEST_NAME} of a-z, 0-9 and -,"
            " first a letter: spm init NAME"
        )
    source = project / "src" if (project / "src").is_dir() else project
    module = called.replace("-", "_")
    if not (source / module).exists() and find_spec(module) is None:
        return NewPipeline(called, module, source / module)
    if (source / module / "__init__.py").exists() and not (source / module / "pipeline").exists():
        return NewPipeline(called, f"{module}.pipeline", source / module / "pipeline")
    raise InputError(f"there is a module {module} already: name the pipeline otherwise: spm init NAME")


def write(project: Path, where: NewPipeline) -> list[Path]:
    """Write the pipeline's files and name it in ``pyproject.toml``; return what was written."""
    written = [
        _write(where, "module.py", where.folder / "__init__.py"),
        _write(where, "migration.sql", where.folder / "migrations" / f"0001_{where.table}.sql"),
        _write(where, "statements.sql", where.folder / "statements.sql"),
        _write(where, "sample.jsonl", project / "sample.jsonl"),
        _write(where, "test.py", project / "tests" / f"test_{where.table}.py"),
        _write(where, "cdk.json", project / "cdk.json"),
    ]
    file = project / PROJECT
    said = file.read_text(encoding="utf-8").rstrip("\n") + "\n\n" if file.exists() else ""
    file.write_text(f'{said}[tool.spm]\npipelines = ["{where.module}"]\n', encoding="utf-8")
    ignored = project / ".gitignore"
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.exists() else []
    lines += [name for name in IGNORED if name not in lines]
    ignored.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [path for path in written if path]


def _content(project: Path) -> Mapping[str, Any]:
    file = project / PROJECT
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML file: {error}") from error


def _write(where: NewPipeline, template: str, file: Path) -> Path | None:
    """Write a file unless there is one; return it if it was written."""
    if file.exists():
        return None
    text = (FILES / f"{template}.txt").read_text(encoding="utf-8")
    file.parent.mkdir(parents=True, exist_ok=True)
    filled = Template(text).substitute(name=where.name, table=where.table, module=where.module)
    file.write_text(filled, encoding="utf-8")
    return file
