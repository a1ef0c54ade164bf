"""``spm demo``: the whole pipeline on this machine."""

from typing import Annotated

import typer

from spm.demo.result import Options
from spm.demo.run import run
from spm.terminal.options import JsonOption


def command(
    *,
    events: Annotated[int, typer.Option(min=1, help="Events to send.")] = 20_000,
    students: Annotated[int, typer.Option(min=1, max=10_000, help="Students who make them.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on this machine and show that every figure adds up.

    Example: spm demo --events 5000 --students 100 --seed 7
    """
    run(Options(events=events, students=students, seed=seed, keep=keep, as_json=as_json))
