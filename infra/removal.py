"""What becomes of data and logs when their resource leaves the stack."""

from aws_cdk import RemovalPolicy

from infra.config import Config


def removal_policy(config: Config) -> RemovalPolicy:
    """Keep what a protected stack holds, whatever happens to the stack; else delete it with the stack.

    But not when the deployment that made a resource is rolled back: a stream or log group that was kept then
    would stand in the way of the next attempt, because its name is taken.
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if config.protected else RemovalPolicy.DESTROY
