"""The pipelines of a deployment: a list of modules. Commands use the first by default."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from processor.errors import CommandError, ConfigurationError
from processor.pipeline import Pipeline

DEFAULT: Final = ("processor.student_performance",)

Pipelines = Mapping[str, Pipeline]


def load(modules: Sequence[str] = DEFAULT) -> Pipelines:
    """Return the pipelines by name, in the order of the list: each module's ``PIPELINE``.

    Raises ConfigurationError if a module has none, or two have a name or a table in common.
    """
    pipelines: dict[str, Pipeline] = {}
    tables: dict[str, str] = {}
    for module in modules:
        pipeline = load_one(module)
        if pipelines.setdefault(pipeline.name, pipeline) is not pipeline:
            raise ConfigurationError(f"{module}: another pipeline is called {pipeline.name}: rename one")
        for table in (pipeline.table, *(projection.name for projection in pipeline.projections)):
            if tables.setdefault(table, pipeline.name) != pipeline.name:
                raise ConfigurationError(f"{module}: {tables[table]} has a table {table}, too: rename one")
    return pipelines


def load_one(module: str) -> Pipeline:
    """Return the module's ``PIPELINE``. Raise ConfigurationError if there is none."""
    try:
        found = getattr(import_module(module), "PIPELINE", None)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the pipeline's module {module} cannot be imported: {error}") from error
    if not isinstance(found, Pipeline):
        raise ConfigurationError(f"the module {module} has no PIPELINE: declare one (docs/extending.md)")
    return found


def named(pipelines: Pipelines, name: str | None) -> Pipeline:
    """Return the pipeline of this name, or the first without one. Raise CommandError naming all of them."""
    if name is None:
        return next(iter(pipelines.values()))
    if name not in pipelines:
        raise CommandError(f"the pipeline {name} is not deployed: use one of {', '.join(pipelines)}")
    return pipelines[name]
