"""RDS's own events about the database: failovers, failures, storage that cannot grow, maintenance."""

from typing import Final

from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.alarm_topic import AlarmTopic

CATEGORIES: Final = [
    "availability",
    "deletion",
    "failover",
    "failure",
    "low storage",
    "maintenance",
    "recovery",
]
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html"""


class DatabaseEvents(Construct):
    """Sends RDS's events to the topic of the alarms."""

    def __init__(
        self, scope: Construct, construct_id: str, *, instance: rds.IDatabaseInstance, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        topic.let_databases_publish()
        subscription = rds.CfnEventSubscription(
            self,
            "Subscription",
            sns_topic_arn=topic.topic.topic_arn,
            source_type="db-instance",
            source_ids=[instance.instance_identifier],
            event_categories=CATEGORIES,
        )
        # RDS publishes a test message when it subscribes.
        subscription.node.add_dependency(topic)
