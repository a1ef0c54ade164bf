"""``spm deploy``: takes the project to LocalStack or AWS."""

from typing import Annotated

import typer

from emulation import project
from spm.deploying import deploy
from spm.errors import InputError
from spm.target import DEFAULT_SUFFIX, Target


def command(
    target: Annotated[Target, typer.Argument(help="Where to: aws, or a LocalStack that runs.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="CDK OPTIONS", help="Handed on to `cdk deploy`.", show_default=False),
    ] = None,
    *,
    suffix: Annotated[str, typer.Option(help="The environment to deploy.")] = DEFAULT_SUFFIX,
) -> None:
    """Deploy the project's pipelines to AWS or to LocalStack, as the CDK does; it shows its progress.

    An AWS account and region are bootstrapped once, with `npx cdk bootstrap`. The embedded target is deployed
    by `spm local`.

    Example: spm deploy aws --profile school -c alarmEmail=you@example.org
    Example: spm deploy localstack --suffix test
    """
    if target is Target.EMBEDDED:
        raise InputError("the embedded target is deployed by spm local, and ends with it")
    raise typer.Exit(deploy(project.folder(), target, suffix, more or []))
