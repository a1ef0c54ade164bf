"""The schedule that deletes old data, if the configuration asks for it."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import APPLICATION, Config


class RetentionSchedule(Construct):
    """Has the operations function drop what is older than ``retentionMonths`` every night, if that is set."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, operations: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        if config.retention_months is None:
            return
        wanted = {"command": "retention", "keep_months": config.retention_months, "dry_run": False}
        events.Rule(
            self,
            "Rule",
            rule_name=f"{APPLICATION}-retention-{config.environment_suffix}",
            description=f"Drops what is older than {config.retention_months} months",
            schedule=events.Schedule.cron(hour="2", minute="30"),
            targets=[
                targets.LambdaFunction(operations, event=events.RuleTargetInput.from_object(wanted)),
            ],
        )
