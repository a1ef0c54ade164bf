"""What brings projections and risk up to date, minute by minute."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import APPLICATION, Config


class Compaction(Construct):
    """The schedule of the operations function's ``refresh``: what is derived is a minute old at the most."""

    rule: events.Rule

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, operations: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        # The next minute is the next attempt: repeated ones would pile up while the database is away.
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
