"""``spm demo``: the whole pipeline on this machine."""

from typing import Annotated

import typer

from spm.demo.result import Options
from spm.demo.run import run
from spm.terminal.options import JsonOption


def command(
    *,
    students: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many students the made-up school has.")
    ] = 120,
    seed: Annotated[int, typer.Option(help="On the same day, the same seed gives the same school.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on this machine and show that every figure adds up, and who is at risk.

    Example: spm demo --students 40 --seed 7
    """
    run(Options(students=students, seed=seed, keep=keep, as_json=as_json))
