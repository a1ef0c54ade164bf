"""``spm schema`` tells producers what they have to know about a pipeline."""

import sys
from typing import Annotated

import msgspec
import typer

from spm.authoring.choose import BrokenModule, chosen, first
from spm.authoring.schema import schema_of
from spm.errors import InputError

app = typer.Typer(help="Tell producers what a pipeline accepts.", no_args_is_help=True)


@app.callback()
def schema() -> None:
    """Tell producers what a pipeline accepts."""


@app.command()
def export(
    *,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            help="Its module, or its name if the project deploys it. Default: the first.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the JSON Schema (2020-12) of the events that a pipeline accepts.

    Events that the schema refuses would be rejected. Its description names rules that no schema can hold.

    Example: spm schema export > student-performance.schema.json
    Example: spm schema export --pipeline examples.library_loans
    """
    try:
        found = chosen(pipeline) if pipeline else first()
    except BrokenModule as error:
        raise InputError(str(error)) from error
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(schema_of(found)), indent=2) + b"\n")
    sys.stdout.buffer.flush()
