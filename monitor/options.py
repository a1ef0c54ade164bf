"""Options that many commands share."""

from datetime import datetime
from typing import Annotated

import typer

from monitor.target import Target

SuffixOption = Annotated[
    str | None,
    typer.Option(
        "--suffix", help="The environment: stack StudentPerformance-SUFFIX. Default: dev.", show_default=False
    ),
]
TargetOption = Annotated[
    Target | None,
    typer.Option(
        "--target",
        help="Where the stack is. Default: AWS_ENDPOINT_URL if set, a running `spm local`, else AWS.",
        show_default=False,
    ),
]
PipelineOption = Annotated[
    str | None,
    typer.Option(
        "--pipeline", help="Another deployed pipeline than student-performance.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, change nothing.")]


def rfc3339(text: str) -> datetime:
    """Read a time with its offset; typer shows the message of what is raised."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no offset: write {text}Z for UTC")
    return moment
