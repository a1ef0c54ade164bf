"""``spm deploy``: deploys the project to LocalStack or AWS."""

from typing import Annotated

import typer

from emulation import project
from spm.deploying import deploy
from spm.errors import InputError
from spm.target import DEFAULT_SUFFIX, Target


def command(
    target: Annotated[Target, typer.Argument(help="The target: aws, or localstack, which must be running.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="CDK OPTIONS", help="Passed on to `cdk deploy`.", show_default=False),
    ] = None,
    *,
    suffix: Annotated[str, typer.Option(help="The environment to deploy.")] = DEFAULT_SUFFIX,
) -> None:
    """Deploy the project's pipelines to AWS or to LocalStack with the CDK, which shows its progress.

    Bootstrap an AWS account and region once, with `npx cdk bootstrap`. `spm local` deploys the embedded
    target.

    Example: spm deploy aws --profile school -c alarmEmail=you@example.org
    Example: spm deploy localstack --suffix test
    """
    if target is Target.EMBEDDED:
        raise InputError("spm local deploys the embedded target, which ends with it")
    raise typer.Exit(deploy(project.folder(), target, suffix, more or []))
