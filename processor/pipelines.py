"""Which pipelines there are: the one that ships, and those that a deployment names by their modules."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from processor.errors import CommandError, ConfigurationError
from processor.pipeline import Pipeline
from processor.student import PIPELINE

SHIPPED: Final = PIPELINE

Pipelines = Mapping[str, Pipeline]


def load(modules: Sequence[str] = ()) -> Pipelines:
    """Return the pipelines by name, the one that ships first: each module's ``PIPELINE``.

    Raises ConfigurationError where a module has none, or two have the same name.
    """
    pipelines = {SHIPPED.name: SHIPPED}
    for module in modules:
        pipeline = load_one(module)
        if pipelines.setdefault(pipeline.name, pipeline) is not pipeline:
            raise ConfigurationError(f"{module}: another pipeline is called {pipeline.name}: rename one")
    return pipelines


def load_one(module: str) -> Pipeline:
    """Return the module's ``PIPELINE``; raise ConfigurationError where there is none."""
    try:
        found = getattr(import_module(module), "PIPELINE", None)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"the pipeline's module {module} cannot be imported: {error}") from error
    if not isinstance(found, Pipeline):
        raise ConfigurationError(f"the module {module} has no PIPELINE: declare one (docs/extending.md)")
    return found


def named(pipelines: Pipelines, name: str) -> Pipeline:
    """Return the pipeline of this name; raise CommandError naming those that there are."""
    if name not in pipelines:
        raise CommandError(f"the pipeline {name} is not deployed: use one of {', '.join(pipelines)}")
    return pipelines[name]
