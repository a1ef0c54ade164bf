"""Brings projections and risk up to date every minute."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import APPLICATION, Config


class Compaction(Construct):
    """The schedule of the operations function's ``refresh``, so that derived data is at most a minute old."""

    rule: events.Rule

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, operations: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        # The next minute is the next attempt. Repeated attempts would pile up while the database is away.
        operations.configure_async_invoke(retry_attempts=0)
        self.rule = events.Rule(
            self,
            "Rule",
            rule_name=f"{APPLICATION}-compact-{config.environment_suffix}",
            description="Compacts what was stored into projections",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    operations, event=events.RuleTargetInput.from_object({"command": "refresh"})
                )
            ],
        )
