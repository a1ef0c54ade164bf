"""The topic to which every alarm goes."""

from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.keys import rotated_key

ACCOUNT: Final = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"


def alarm_name(config: Config, name: str) -> str:
    """Return an alarm's name in CloudWatch."""
    return f"{APPLICATION}-{config.environment_suffix}-{name}"


class AlarmTopic(Construct):
    """Encrypted with a key that CloudWatch may use, because alarms cannot publish under the AWS-managed one.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """

    topic: sns.Topic

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        key = rotated_key(self, config=config, description="Alarm notifications")
        self._key = key
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, which lets its account's alarms publish.
        self._let_publish("cloudwatch", f"cloudwatch:{ACCOUNT}:alarm:{alarm_name(config, '*')}")
        if config.alarm_email and config.alarm_email != "none":
            self.topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))

    def let_databases_publish(self) -> None:
        """Let RDS publish events of this account's databases.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.GrantingPermissions.html
        """
        self._let_publish("events.rds", f"rds:{ACCOUNT}:*")

    def _let_publish(self, service: str, source: str) -> None:
        principal = iam.ServicePrincipal(f"{service}.amazonaws.com")
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[principal],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # "*" is this key: a key's policy is about itself
            )
        )
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[principal],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": f"arn:{Aws.PARTITION}:{source}"},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
