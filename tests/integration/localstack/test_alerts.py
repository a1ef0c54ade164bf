"""A risk that rises is told, over LocalStack's log subscription and functions in containers."""

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from portal.alerts.channels import sign
from processor.commands.alerts import ListAlerts
from tests.integration.localstack.cloud import REGION, Cloud, Environment
from tests.integration.portal.receiver import Receiver, absences, enrol, send
from tests.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = [pytest.mark.localstack, pytest.mark.long]


def test_a_risk_that_rises_is_told_once_over_each_channel(
    cloud: Cloud, portal: Environment, receiver: Receiver
) -> None:
    sqs, queue = subscribed(cloud, portal)
    enrol(portal, [("TOLD", "ada"), ("TOLD", "bob")])
    send(portal, absences("TOLD", "ada"))
    wait_until(lambda: bool(receiver.of_course("TOLD")), "a message", seconds=150)
    [message] = receiver.of_course("TOLD")
    assert [student["student"] for student in message.content["students"]] == ["ada"]
    arn = portal.outputs["AlertsWebhookSecretArn"]
    secret = portal.aws.secrets.get_secret_value(SecretId=arn)["SecretString"]
    stamp, signature = message.headers["x-spm-timestamp"], message.headers["x-spm-signature"]
    assert signature == sign(secret, stamp, message.body)
    [told] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    attributes = json.loads(told["Body"])["MessageAttributes"]
    assert (attributes["course"]["Value"], attributes["level"]["Value"]) == ("TOLD", "elevated")

    def waiting() -> int:
        return portal.commands.run(ListAlerts(course="TOLD", who="a test")).waiting

    wait_until(lambda: waiting() == 0, "both channels to be told", seconds=90)
    assert len(receiver.of_course("TOLD")) == 1


def subscribed(cloud: Cloud, portal: Environment) -> tuple["SQSClient", str]:
    """Return a queue that gets what the topic gets."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    endpoint = cloud.aws_environment["AWS_ENDPOINT_URL"]
    sqs, sns = session.client("sqs", endpoint_url=endpoint), session.client("sns", endpoint_url=endpoint)
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=portal.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn)
    return sqs, url
