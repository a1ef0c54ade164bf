"""``spm dashboard``: the pages for teachers and advisors, served on this machine."""

from typing import Annotated, Final

import typer

from processor.student_performance import PIPELINE
from spm.aws.target import connect
from spm.terminal.options import SuffixOption, TargetOption

PORT: Final = 8700


def command(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen on; 0 for any.")] = PORT,
    as_teacher: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Show only what this teacher in the roster may see.")
    ] = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
) -> None:
    """Show courses and students in a browser on this machine, until Ctrl-C.

    Nobody else can open it: the printed address holds a token that works once.

    Example: spm dashboard
    """
    from spm.serving import serve  # noqa: PLC0415 - a web server takes half a second to import

    serve(connect(target, suffix, PIPELINE.name), port, as_teacher)
