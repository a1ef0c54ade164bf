"""The command line ``spm``: one module a command in ``spm.commands``."""

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError

from emulation.errors import EmulationError
from spm.aws.explain import explain
from spm.commands import (
    course,
    dashboard,
    demo,
    followup,
    generate,
    local,
    logs,
    maintain,
    pipeline,
    publish,
    query,
    rejected,
    replay,
    risk,
    roster,
    senders,
    status,
    tail,
)
from spm.errors import MonitorError
from spm.terminal import console

app = typer.Typer(
    name="spm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def commands(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Publish to, watch, look into and repair a student performance pipeline."""
    console.debug = debug


app.command(name="demo")(demo.command)
app.command(name="local")(local.command)
app.command(name="generate")(generate.command)
app.command(name="publish")(publish.command)
app.command(name="dashboard")(dashboard.command)
app.command(name="status")(status.command)
app.command(name="tail")(tail.command)
app.command(name="logs")(logs.command)
app.command(name="course")(course.command)
app.command(name="student")(query.student)
app.command(name="query")(query.query)
app.add_typer(rejected.app, name="rejected")
app.add_typer(replay.app, name="replay")
app.add_typer(roster.app, name="roster")
app.add_typer(risk.app, name="risk")
app.add_typer(followup.app, name="followup")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(senders.app, name="senders")
app.command(name="retention")(maintain.retention)
app.command(name="rebuild")(maintain.rebuild)
app.command(name="migrate")(maintain.migrate)


def main() -> NoReturn:
    """Run the command line; every expected failure is one line on standard error and an exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except MonitorError as error:
        _fail(str(error), error.exit_code)
    except EmulationError as error:
        _fail(str(error), 1)
    except (BotoCoreError, ClientError) as error:
        _fail(explain(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a person gets one line, and the traceback on demand
        _fail(f"unexpected {type(error).__name__}: {error} (spm --debug … shows where)", 70)
    sys.exit(0)


def _fail(message: str, code: int) -> NoReturn:
    if console.debug:
        console.err.print_exception()
    console.err.print(f"spm: {message}", soft_wrap=True)
    sys.exit(code)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as after Ctrl-C, so that everything that was started is stopped."""
    sys.exit(128 + number)
