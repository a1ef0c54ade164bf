"""Customer-managed keys, which are all made in the same way."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import Config
from infra.removal import removal_policy


def rotated_key(scope: Construct, *, config: Config, description: str) -> kms.Key:
    """Make a key that rotates every year. A protected stack keeps it; otherwise it goes seven days later."""
    return kms.Key(
        scope,
        "Key",
        description=f"{description} ({config.environment_suffix})",
        enable_key_rotation=True,
        removal_policy=removal_policy(config),
        pending_window=Duration.days(30 if config.protected else 7),
    )
