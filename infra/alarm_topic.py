"""The topic that every alarm goes to."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import APPLICATION, Config
from infra.keys import rotated_key


def alarm_name(config: Config, name: str) -> str:
    """Return what CloudWatch knows an alarm of this environment by."""
    return f"{APPLICATION}-{config.environment_suffix}-{name}"


class AlarmTopic(Construct):
    """Encrypted with a key that CloudWatch may use: alarms cannot publish under the AWS-managed one.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """

    topic: sns.Topic

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        key = rotated_key(self, "Key", config=config, description="Alarm notifications")
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # of this key: a key's policy speaks of itself
            )
        )
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, by which its account's alarms publish.
        account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        alarms = f"arn:{Aws.PARTITION}:cloudwatch:{account}:alarm:{alarm_name(config, '*')}"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": alarms},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
        if config.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))
