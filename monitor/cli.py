"""The command line ``spm``: one module a command in ``monitor.commands``."""

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from emulation.errors import EmulationError
from monitor import console
from monitor.commands import demo
from monitor.errors import MonitorError

app = typer.Typer(
    name="spm",
    help="Publish to, watch, look into and repair a student performance pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def commands() -> None:
    """Publish to, watch, look into and repair a student performance pipeline."""


app.command(name="demo")(demo.command)


def main() -> NoReturn:
    """Run the command line; every expected failure is one line on standard error and an exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=True)
    except MonitorError as error:
        console.err.print(f"spm: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except EmulationError as error:
        console.err.print(f"spm: {error}", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as after Ctrl-C, so that everything that was started is stopped."""
    sys.exit(128 + number)
