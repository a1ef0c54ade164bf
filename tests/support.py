"""Deploys a stack for tests, and returns everything that they need to reach it."""

from dataclasses import dataclass

from emulation.cloud import EmbeddedCloud, database_name
from spm.aws.commands import Commands
from spm.aws.stack import Aws, Stack, find


@dataclass(frozen=True)
class Deployment:
    """One environment in the embedded cloud."""

    suffix: str
    aws: Aws
    stack: Stack
    commands: Commands
    dsn: str


def deploy(cloud: EmbeddedCloud, suffix: str, **context: str) -> Deployment:
    """Deploy an environment with an empty database, and return how to reach it."""
    cloud.deploy(suffix, context)
    aws = Aws(cloud.aws_environment())
    stack = find(aws, suffix)
    return Deployment(suffix, aws, stack, stack.commands(aws), cloud.database.dsn(database_name(suffix)))
