"""Which pipeline an author means: a module, or the name of one that the project deploys."""

import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from emulation import project
from processor import places
from processor.errors import ConfigurationError
from processor.pipeline import Pipeline
from processor.pipelines import load_one
from processor.project import read
from spm.errors import InputError


class BrokenModule(Exception):
    """A pipeline's module raised something. The message begins with the file and line."""


def listed() -> Sequence[str]:
    """Return the modules that a deployment of this project uses. Raise InputError if they are wrong."""
    try:
        return read(project.folder()).pipelines
    except ConfigurationError as error:
        raise InputError(str(error)) from error


def chosen(name: str) -> Pipeline:
    """Return the pipeline of this module, or of this name among those that are listed.

    Raises InputError if there is none, BrokenModule where its module cannot be read.
    """
    if _is_module(name):
        return imported(name)
    there_are = [imported(module) for module in listed()]
    for pipeline in there_are:
        if pipeline.name == name:
            return pipeline
    names = ", ".join(pipeline.name for pipeline in there_are)
    raise InputError(
        f"{name} is not a module that can be imported here, and not one of the pipelines {names}"
    )


def first() -> Pipeline:
    """Return the pipeline that commands mean in this project. Raise InputError if it cannot be read."""
    try:
        return imported(listed()[0])
    except BrokenModule as error:
        raise InputError(str(error)) from error


def imported(module: str) -> Pipeline:
    """Return a module's pipeline. It raises what ``chosen`` raises."""
    try:
        return load_one(module)
    except ConfigurationError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # an author's module may raise anything while it is read
        raise BrokenModule(f"{_place(module, error)}: {type(error).__name__}: {_message(error)}") from error


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _place(module: str, error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return places.at(Path(error.filename), error.lineno or 0)
    spec = find_spec(module)
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    own = [place for place in frames if spec and place[0] == spec.origin]
    file, line = (own or frames)[-1]
    return places.at(Path(file), line)


def _message(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)
