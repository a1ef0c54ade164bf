"""The command line ``spm``: its commands are listed in ``spm.commands``, one module each."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from emulation import project
from emulation.errors import EmulationError
from spm.errors import MonitorError
from spm.lazy import LazyGroup

app = typer.Typer(
    name="spm",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the list of commands in plain text: Rich takes longer than everything else
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def commands(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Publish to, watch, inspect and repair a student performance pipeline."""
    from spm.terminal import console  # noqa: PLC0415 - Rich takes long to import, and help needs none of it

    console.debug = debug
    # A project's pipelines are imported from its folder, or from this one. What is installed comes first.
    sys.path += [str(folder) for folder in dict.fromkeys((project.folder(), Path.cwd()))]


def main() -> NoReturn:
    """Run ``spm``."""
    run(app, "spm")


def run(command_line: typer.Typer, name: str) -> NoReturn:
    """Run a command line; every expected failure is one line on standard error and an exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        command_line()
    except MonitorError as error:
        _fail(name, str(error), error.exit_code)
    except EmulationError as error:
        _fail(name, str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a person gets one line, and the traceback on demand
        _fail(name, *_explained(error, name))
    sys.exit(0)


def _explained(error: Exception, name: str) -> tuple[str, int]:
    """Say what AWS or its SDK refused. Anything else is a defect."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only commands on AWS need it

    from spm.aws.explain import explain  # noqa: PLC0415 - imports botocore too

    if isinstance(error, BotoCoreError | ClientError):
        return explain(error), 1
    return f"unexpected {type(error).__name__}: {error} ({name} --debug … shows where)", 70


def _fail(name: str, message: str, code: int) -> NoReturn:
    from spm.terminal import console  # noqa: PLC0415 - as above

    if console.debug:
        console.err.print_exception()
    console.err.print(f"{name}: {message}", soft_wrap=True)
    sys.exit(code)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit as after Ctrl-C, so that everything that was started is stopped."""
    sys.exit(128 + number)
