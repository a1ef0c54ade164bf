"""From an event in the stream to a message at a webhook, over the embedded cloud."""

import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import pytest

from emulation.cloud import EmbeddedCloud
from portal.alerts.channels import sign
from processor.commands.alerts import ListAlerts
from spm.publishing.put_records import Entry
from tests.integration.portal.receiver import Receiver, absences, enrol, send
from tests.support import Deployment, deploy, kill_workers
from tests.waiting import wait_until

pytestmark = pytest.mark.long  # this module deploys its own environment


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def alerting(embedded_cloud: EmbeddedCloud, receiver: Receiver) -> Deployment:
    suffix = f"alerts-{uuid.uuid4().hex[:6]}"
    return deploy(embedded_cloud, suffix, alerts="true", alertWebhook=receiver.url)


def secret(deployment: Deployment) -> str:
    outputs = deployment.aws.cloudformation.describe_stacks(StackName=deployment.stack.name)["Stacks"][0]
    found = {one["OutputKey"]: one["OutputValue"] for one in outputs["Outputs"]}
    arn = found["AlertsWebhookSecretArn"]
    return deployment.aws.secrets.get_secret_value(SecretId=arn)["SecretString"]


def subscribe(cloud: EmbeddedCloud, deployment: Deployment) -> str:
    """Return the URL of a queue that gets everything that the topic gets."""
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    url = sqs.create_queue(QueueName=f"alerts-{deployment.suffix}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    [topic] = [
        one["TopicArn"]
        for one in sns.list_topics()["Topics"]
        if one["TopicArn"].endswith(f"student-performance-alerts-{deployment.suffix}")
    ]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(url)


def test_who_becomes_at_risk_is_told_signed_and_once_over_each_channel(
    embedded_cloud: EmbeddedCloud, alerting: Deployment, receiver: Receiver
) -> None:
    queue = subscribe(embedded_cloud, alerting)
    enrol(alerting, [("WAKE", "ada"), ("WAKE", "bob")])
    send(alerting, absences("WAKE", "ada"))
    wait_until(
        lambda: bool(receiver.of_course("WAKE")), "a message", seconds=50
    )  # shorter than the schedule's minute
    [message] = receiver.of_course("WAKE")
    stamp, signature = message.headers["x-spm-timestamp"], message.headers["x-spm-signature"]
    assert signature == sign(secret(alerting), stamp, message.body)
    assert abs(int(stamp) - message.at) < 5
    content = message.content
    assert message.headers["x-spm-alert-id"] == content["alert_id"]
    assert (content["course"], content["level"], content["total"]) == ("WAKE", "elevated", 1)
    assert content["students"][0]["student"] == "ada"
    assert "display_name" not in content["students"][0]
    assert "Absent from 5 of 5 lessons (100 %)" in content["text"]

    wait_until(
        lambda: alerting.commands.run(ListAlerts(course="WAKE", who="a test")).waiting == 0,
        "both channels to be told",
        seconds=30,
    )
    [told] = embedded_cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    envelope = json.loads(told["Body"])
    attributes = {name: one["Value"] for name, one in envelope["MessageAttributes"].items()}
    assert attributes == {"course": "WAKE", "level": "elevated", "alert_id": attributes["alert_id"]}
    assert attributes["alert_id"] != content["alert_id"]
    listed = alerting.commands.run(ListAlerts(course="WAKE", who="a test")).alerts
    assert {(one.channel, one.student, one.attempts, one.error) for one in listed} == {
        ("sns", "ada", 1, None),
        ("webhook", "ada", 1, None),
    }


def test_a_receiver_that_fails_gets_the_same_id_again(alerting: Deployment, receiver: Receiver) -> None:
    enrol(alerting, [("FAIL", "ada")])
    receiver.answer = 500
    try:
        send(alerting, absences("FAIL", "ada"))
        wait_until(lambda: bool(receiver.of_course("FAIL")), "a message", seconds=50)
    finally:
        receiver.answer = 204
    wait_until(lambda: len(receiver.of_course("FAIL")) == 2, "another attempt", seconds=100)
    first, second = receiver.of_course("FAIL")
    assert first.content["alert_id"] == second.content["alert_id"]


def test_five_hundred_episodes_with_kills_are_told_once_each(
    embedded_cloud: EmbeddedCloud, alerting: Deployment, receiver: Receiver
) -> None:
    """Functions are killed at any moment: no id is missing, and there are no more repeats than kills."""
    courses = [f"DRILL-{number}" for number in range(50)]
    pairs = [(courses[number % 50], f"drill-{number}") for number in range(500)]
    begun = [(course, f"first-in-{course}") for course in courses]  # a course's first changes are one digest
    enrol(alerting, [*pairs, *begun])
    for pair in begun:
        send(alerting, absences(*pair))
    wait_until(
        lambda: told(receiver, "first-in-").keys() == {s for _, s in begun}, "50 students", seconds=120
    )
    kills, order = 0, random.Random(7)  # noqa: S311 - when processes die
    for start in range(0, len(pairs), 25):
        for pair in pairs[start : start + 25]:
            send(alerting, absences(*pair))
        time.sleep(order.uniform(0.2, 1.5))
        kills += kill_workers(embedded_cloud)
    expected = {student for _, student in pairs}
    wait_until(lambda: told(receiver, "drill-").keys() == expected, "500 students", seconds=400)
    time.sleep(2)
    found = told(receiver, "drill-")
    requests = sum(len(ids) for ids in found.values())
    print(f"{kills} kills, {requests} requests for {len(found)} episodes")  # noqa: T201
    assert kills > 0
    assert all(len(set(ids)) == 1 for ids in found.values())
    assert len({ids[0] for ids in found.values()}) == 500
    assert requests - 500 <= kills


def told(receiver: Receiver, prefix: str) -> dict[str, list[str]]:
    """Return the message ids about each of these students, one for each request."""
    found: dict[str, list[str]] = {}
    for content in (one.content for one in list(receiver.received)):
        for student in (one["student"] for one in content["students"]):
            if student.startswith(prefix):
                found.setdefault(student, []).append(content["alert_id"])
    return found


def test_nineteen_of_twenty_are_told_within_ten_seconds_under_load(
    alerting: Deployment, receiver: Receiver
) -> None:
    """This times 100 episodes from PutRecords to the webhook while 500 events per second come in."""
    pairs = [(f"SPEED-{number}", f"speed-{number}") for number in range(100)]
    enrol(alerting, [*pairs, ("LOAD", "crowd")])
    ended = threading.Event()
    load = threading.Thread(target=crowd, args=(alerting, 500, ended))
    load.start()
    sent = {}
    try:
        time.sleep(5)
        for course, student in pairs:
            entries = absences(course, student)
            sent[student] = time.time()
            send(alerting, entries)
            time.sleep(0.3)
        wait_until(lambda: len(receiver.of_course("SPEED-")) >= len(pairs), "100 messages", seconds=120)
    finally:
        ended.set()
        load.join()
    took = sorted(
        one.at - sent[student["student"]]
        for one in receiver.of_course("SPEED-")
        for student in one.content["students"]
    )
    p50, p95 = quantiles(took, n=20)[9], quantiles(took, n=20)[18]
    print(f"PutRecords to webhook: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {took[-1]:.2f} s")  # noqa: T201
    assert len(took) == len(pairs)
    assert p95 < 10


def crowd(deployment: Deployment, per_second: int, ended: threading.Event) -> None:
    """Put events of many students until told to stop."""
    started, count = time.monotonic(), 0
    while not ended.is_set():
        events: list[dict[str, Any]] = [
            {"student_id": f"crowd-{n % 997}", "event_type": "view", "metadata": {"course": "LOAD"}}
            for n in range(count, count + per_second // 2)
        ]
        send(deployment, [Entry(json.dumps(event).encode(), event["student_id"]) for event in events])
        count += len(events)
        ended.wait(max(0.0, started + count / per_second - time.monotonic()))
