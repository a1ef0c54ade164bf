"""The alarms and their topic, in the template for the target aws."""

import json
from typing import Any

import pytest

from processor import metrics
from tests.integration.infra.templates import Template, alarms, as_list, of_type, only


def test_bucket_and_topic_refuse_what_is_not_tls(dev: Template) -> None:
    for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"):
        statements = only(dev, kind)["PolicyDocument"]["Statement"]
        assert any(
            s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for s in statements
        )


def test_alarm_topic_is_encrypted_with_a_key_that_alarms_may_use(dev: Template) -> None:
    key = only(dev, "AWS::SNS::Topic")["KmsMasterKeyId"]["Fn::GetAtt"][0]
    statements = dev["Resources"][key]["Properties"]["KeyPolicy"]["Statement"]
    allowed = [s for s in statements if s["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]]
    services = {service for s in allowed for service in as_list(s["Principal"]["Service"])}
    assert services == {"cloudwatch.amazonaws.com", "events.rds.amazonaws.com"}


def test_alarms_of_this_environment_databases_and_nobody_else_may_publish_to_the_topic(dev: Template) -> None:
    statements = only(dev, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = {s["Principal"]["Service"]: s for s in statements if s["Effect"] == "Allow"}
    assert set(allowed) == {"cloudwatch.amazonaws.com", "events.rds.amazonaws.com"}
    for statement in allowed.values():
        assert statement["Action"] == "sns:Publish"
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    source = json.dumps(allowed["cloudwatch.amazonaws.com"]["Condition"]["ArnLike"]["aws:SourceArn"])
    assert ":alarm:student-performance-dev-*" in source


def test_alarms_are_mailed_where_the_context_says(synthesise: Any, dev: Template) -> None:
    assert not of_type(dev, "AWS::SNS::Subscription")
    assert not of_type(synthesise(target="aws", alarmEmail="none"), "AWS::SNS::Subscription")
    subscription = only(synthesise(target="aws", alarmEmail="ops@example.org"), "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")


FEW = (60, 1, 15)  # seconds per period, and how many of how many periods have to breach
ALARMS = {
    "database-connections": ("AWS/RDS", "DatabaseConnections", "Maximum", 300, 1, 6, 125),
    "database-cpu": ("AWS/RDS", "CPUUtilization", "Average", 300, 2, 6, 80),
    "database-free-storage": ("AWS/RDS", "FreeStorageSpace", "Minimum", 300, 2, 3, 2**30),
    "database-memory": ("AWS/RDS", "FreeableMemory", "Average", 300, 3, 6, 2**31 // 10),
    "database-transaction-ids": ("AWS/RDS", "MaximumUsedTransactionIDs", "Maximum", 300, 1, 15, 1e9),
    "decoder-failures": (metrics.NAMESPACE, "DecoderFailures", "Sum", *FEW, 1),
    "dropped-records": ("AWS/Lambda", "DroppedEventCount", "Sum", *FEW, 1),
    "failed-records": ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount", "Sum", *FEW, 1),
    "iterator-age": ("AWS/Lambda", "IteratorAge", "Maximum", 60, 2, 15, 60_000),
    "operations-errors": ("AWS/Lambda", "Errors", "Sum", *FEW, 1),
    "reports-errors": ("AWS/Lambda", "Errors", "Sum", *FEW, 1),
    "reports-throttles": ("AWS/Lambda", "Throttles", "Sum", *FEW, 1),
    "processor-duration": ("AWS/Lambda", "Duration", "Maximum", *FEW, 48_000),
    "processor-errors": ("AWS/Lambda", "Errors", "Sum", *FEW, 1),
    "processor-throttles": ("AWS/Lambda", "Throttles", "Sum", *FEW, 1),
    "rejected-events": (metrics.NAMESPACE, "RejectedEvents", "Sum", *FEW, 1),
    "schedule-failures": ("AWS/Events", "FailedInvocations", "Sum", *FEW, 1),
    "stream-iterator-age": (
        "AWS/Kinesis",
        "GetRecords.IteratorAgeMilliseconds",
        "Maximum",
        60,
        2,
        15,
        60_000,
    ),
    "stream-read-throttling": ("AWS/Kinesis", "ReadProvisionedThroughputExceeded", "Sum", 60, 5, 15, 1),
    "stream-write-throttling": ("AWS/Kinesis", "WriteProvisionedThroughputExceeded", "Sum", *FEW, 1),
}


def test_alarms(dev: Template) -> None:
    members = (
        *("Namespace", "MetricName", "Statistic", "Period"),
        *("DatapointsToAlarm", "EvaluationPeriods", "Threshold"),
    )
    found = alarms(dev)
    del found["consumer-stopped"]
    assert {name: tuple(alarm[m] for m in members) for name, alarm in found.items()} == ALARMS


def test_no_data_is_trouble_only_where_there_should_always_be_some(dev: Template) -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms(dev).items()}
    assert missing.pop("database-cpu") == "breaching"
    assert set(missing.values()) == {"notBreaching"}


def test_no_alarm_flaps(dev: Template) -> None:
    # If one quiet period ended an alarm on something that happens now and then, it would send mail all day.
    for name, alarm in alarms(dev).items():
        assert alarm["EvaluationPeriods"] > alarm["DatapointsToAlarm"], name


def test_a_consumer_that_stopped_raises_an_alarm(dev: Template) -> None:
    alarm = alarms(dev)["consumer-stopped"]
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    named = {name: q["MetricStat"]["Metric"] for name, q in queries.items() if "MetricStat" in q}
    assert {name: metric["MetricName"] for name, metric in named.items()} == {
        "incoming": "IncomingRecords",
        "invoked": "InvokedEventCount",
    }
    (stream,) = of_type(dev, "AWS::Kinesis::Stream")
    (mapping,) = of_type(dev, "AWS::Lambda::EventSourceMapping")
    assert named["incoming"]["Dimensions"] == [{"Name": "StreamName", "Value": {"Ref": stream}}]
    identity = {"Fn::GetAtt": [mapping, "Id"]}
    assert named["invoked"]["Dimensions"][0]["Value"] in (identity, {"Ref": mapping})
    (expression,) = [q["Expression"] for q in queries.values() if "Expression" in q]
    assert expression == "IF(FILL(incoming, 0) > 0 AND FILL(invoked, 0) == 0, 1, 0)"
    periods = {q["MetricStat"]["Period"] for q in queries.values() if "MetricStat" in q}
    assert (periods, alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == ({300}, 3, 6)


def test_storage_alarms_below_the_tenth_at_which_rds_grows_it(synthesise: Any) -> None:
    template = synthesise(target="aws", databaseStorageGb=200, databaseMaxStorageGb=500)
    assert alarms(template)["database-free-storage"]["Threshold"] == 10 * 2**30
    assert alarms(template)["database-free-storage"]["Threshold"] < 200 * 2**30 // 10


@pytest.mark.parametrize("target", ["embedded", "localstack"])
def test_emulators_have_no_alarm_on_an_expression(target: str, synthesise: Any) -> None:
    local = alarms(synthesise(target=target))
    assert "processor-errors" in local
    assert not [name for name, alarm in local.items() if "Metrics" in alarm]


def test_every_alarm_tells_the_topic_when_it_starts_and_when_it_is_over(dev: Template) -> None:
    (topic,) = of_type(dev, "AWS::SNS::Topic")
    for alarm in of_type(dev, "AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["OKActions"] == [{"Ref": topic}]
