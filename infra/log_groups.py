"""Log groups, which are all made in the same way."""

from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Config, LogRetentionDays
from infra.nag import accept_checkov
from infra.removal import removal_policy

RETENTION: Final[dict[LogRetentionDays, logs.RetentionDays]] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(
    scope: Construct, construct_id: str, *, config: Config, name: str | None = None
) -> logs.LogGroup:
    """Make a log group with the deployment's retention. A protected stack keeps it; otherwise it goes."""
    group = logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=RETENTION[config.log_retention_days],
        removal_policy=removal_policy(config),
    )
    accept_checkov(group, {"158": "CloudWatch Logs encrypts it with a key of its own."})
    return group
