"""Every row of the design's table of resources, in the template for the target aws."""

import json
import re
from typing import Any

import pytest

from processor import metrics
from processor.commands import registry as commands
from processor.commands.retention import Retention

Template = dict[str, Any]
Properties = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {name: r for name, r in template["Resources"].items() if r["Type"] == kind}


def only(template: Template, kind: str) -> Properties:
    (resource,) = of_type(template, kind).values()
    return dict(resource["Properties"])


def function(template: Template, name: str) -> Properties:
    functions = [r["Properties"] for r in of_type(template, "AWS::Lambda::Function").values()]
    (found,) = [f for f in functions if f.get("FunctionName") == f"student-performance-{name}"]
    return dict(found)


@pytest.fixture(scope="module")
def dev(synthesise: Any) -> Template:
    return dict(synthesise(target="aws"))


@pytest.fixture(scope="module")
def prod(synthesise: Any) -> Template:
    return dict(synthesise(target="aws", environmentSuffix="prod", alarmEmail="none"))


def test_stream(dev: Template) -> None:
    stream = only(dev, "AWS::Kinesis::Stream")
    assert stream["Name"] == "student-performance-stream-dev"
    assert (stream["ShardCount"], stream["RetentionPeriodHours"]) == (1, 24)
    key = stream["StreamEncryption"]["KeyId"]["Fn::GetAtt"][0]
    assert dev["Resources"][key]["Properties"]["EnableKeyRotation"] is True


def test_prod_has_a_week_to_mend_an_outage(prod: Template) -> None:
    assert only(prod, "AWS::Kinesis::Stream")["RetentionPeriodHours"] == 168
    assert only(prod, "AWS::Lambda::EventSourceMapping")["MaximumRecordAgeInSeconds"] == 604_800


def test_prod_keeps_its_logs_for_a_quarter_and_rotates_its_passwords(prod: Template) -> None:
    assert {g["Properties"]["RetentionInDays"] for g in of_type(prod, "AWS::Logs::LogGroup").values()} == {90}
    assert len(of_type(prod, "AWS::SecretsManager::RotationSchedule")) == 3


def test_an_on_demand_stream_has_no_shard_count(synthesise: Any) -> None:
    stream = only(
        synthesise(target="aws", streamMode="on-demand", processorConcurrency=20), "AWS::Kinesis::Stream"
    )
    assert "ShardCount" not in stream
    assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_stream_and_database_have_keys_of_their_own_that_rotate(dev: Template) -> None:
    keys = of_type(dev, "AWS::KMS::Key")
    assert all(key["Properties"]["EnableKeyRotation"] for key in keys.values())
    stream_key = only(dev, "AWS::Kinesis::Stream")["StreamEncryption"]["KeyId"]["Fn::GetAtt"][0]
    database_key = only(dev, "AWS::RDS::DBInstance")["KmsKeyId"]["Fn::GetAtt"][0]
    assert stream_key in keys
    assert database_key in keys
    assert stream_key != database_key


def test_network_is_isolated_in_two_zones(dev: Template) -> None:
    assert len(of_type(dev, "AWS::EC2::Subnet")) == 2
    for kind in ("NatGateway", "InternetGateway", "Route", "EIP"):
        assert not of_type(dev, f"AWS::EC2::{kind}")
    assert not any(s["Properties"]["MapPublicIpOnLaunch"] for s in of_type(dev, "AWS::EC2::Subnet").values())


def test_there_is_a_door_to_secrets_manager_and_to_s3_and_to_nothing_else(dev: Template) -> None:
    endpoints = [e["Properties"] for e in of_type(dev, "AWS::EC2::VPCEndpoint").values()]
    assert sorted(e["VpcEndpointType"] for e in endpoints) == ["Gateway", "Interface"]
    assert all(e["PolicyDocument"]["Statement"] for e in endpoints)
    interface = next(e for e in endpoints if e["VpcEndpointType"] == "Interface")
    assert interface["PrivateDnsEnabled"] is True
    statement = interface["PolicyDocument"]["Statement"]
    assert statement["Action"] if isinstance(statement, dict) else statement[0]["Action"]


def test_the_door_to_s3_leads_to_cloudformations_bucket_of_the_region_only(dev: Template) -> None:
    (gateway,) = [
        e["Properties"]["PolicyDocument"]
        for e in of_type(dev, "AWS::EC2::VPCEndpoint").values()
        if e["Properties"]["VpcEndpointType"] == "Gateway"
    ]
    (statement,) = gateway["Statement"]
    assert statement["Action"] == "s3:PutObject"
    # The region has no hyphens here, as in "useast1". A wildcard would match buckets that anyone can make.
    region = {"Fn::Join": ["", {"Fn::Split": ["-", {"Ref": "AWS::Region"}]}]}
    partition = {"Ref": "AWS::Partition"}
    bucket = ["arn:", partition, ":s3:::cloudformation-custom-resource-response-", region, "/*"]
    assert statement["Resource"] == {"Fn::Join": ["", bucket]}


NO_EGRESS = "255.255.255.255/32"  # the CDK's way to allow none: without any rule EC2 allows all


def rules(template: Template) -> set[tuple[str, str, str, int, int]]:
    """Return the direction, group, other side and ports of every rule, inline or a resource of its own."""
    found = []
    for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
        for direction in ("Ingress", "Egress"):
            found += [(direction, name, r) for r in group["Properties"].get(f"SecurityGroup{direction}", [])]
    for direction in ("Ingress", "Egress"):
        for rule in of_type(template, f"AWS::EC2::SecurityGroup{direction}").values():
            group_id = rule["Properties"]["GroupId"]["Fn::GetAtt"][0]
            found.append((direction, group_id, rule["Properties"]))
    opened = set()
    for direction, name, rule in found:
        other = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
        side = other["Fn::GetAtt"][0].removeprefix("Network")[:-8] if other else rule["CidrIp"]
        if side != NO_EGRESS:
            opened.add((direction, name.removeprefix("Network")[:-8], side, rule["FromPort"], rule["ToPort"]))
    return opened


def test_security_groups_open_what_is_used_and_nothing_else(dev: Template) -> None:
    assert rules(dev) == {
        ("Egress", "FunctionsGroup", "DatabaseGroup", 5432, 5432),
        ("Ingress", "DatabaseGroup", "FunctionsGroup", 5432, 5432),
        ("Egress", "FunctionsGroup", "EndpointGroup", 443, 443),
        ("Ingress", "EndpointGroup", "FunctionsGroup", 443, 443),
        ("Egress", "OperationsGroup", "0.0.0.0/0", 443, 443),
    }


def test_no_security_group_is_left_with_the_egress_that_ec2_gives_by_itself(dev: Template) -> None:
    for group in of_type(dev, "AWS::EC2::SecurityGroup").values():
        assert group["Properties"]["SecurityGroupEgress"]


def test_database(dev: Template) -> None:
    database = only(dev, "AWS::RDS::DBInstance")
    assert database["Engine"] == "postgres"
    assert database["EngineVersion"] == "18"
    assert database["DBInstanceClass"] == "db.t4g.small"
    assert database["MultiAZ"] is True
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert (database["AllocatedStorage"], database["MaxAllocatedStorage"]) == ("20", 100)
    assert database["BackupRetentionPeriod"] == 7
    assert database["PreferredBackupWindow"] == "01:00-02:00"
    assert database["PreferredMaintenanceWindow"] == "sun:03:00-sun:04:00"
    assert database["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert database["DatabaseInsightsMode"] == "standard"
    assert database["DBName"] == "studentdata"
    assert database["AutoMinorVersionUpgrade"] is True
    parameters = only(dev, "AWS::RDS::DBParameterGroup")
    assert parameters["Family"] == "postgres18"
    assert parameters["Parameters"] == {"rds.force_ssl": "1", "max_connections": "157"}


def test_dev_can_use_a_single_zone(synthesise: Any) -> None:
    template = synthesise(target="aws", databaseMultiAz="false")
    assert only(template, "AWS::RDS::DBInstance")["MultiAZ"] is False


def test_what_rds_tells_of_the_database_goes_where_the_alarms_go(dev: Template) -> None:
    subscription = only(dev, "AWS::RDS::EventSubscription")
    (topic,) = of_type(dev, "AWS::SNS::Topic")
    (instance,) = of_type(dev, "AWS::RDS::DBInstance")
    assert subscription["SnsTopicArn"] == {"Ref": topic}
    assert (subscription["SourceType"], subscription["SourceIds"]) == ("db-instance", [{"Ref": instance}])
    assert {"failover", "failure", "low storage", "maintenance"} <= set(subscription["EventCategories"])


def test_the_databases_logs_end_with_the_stack(dev: Template) -> None:
    names = {g["Properties"].get("LogGroupName") for g in of_type(dev, "AWS::Logs::LogGroup").values()}
    identifier = only(dev, "AWS::RDS::DBInstance")["DBInstanceIdentifier"]
    assert {f"/aws/rds/instance/{identifier}/{kind}" for kind in ("postgresql", "upgrade")} <= names


def test_the_logins_are_generated_secrets_attached_to_the_instance(dev: Template) -> None:
    secrets = [
        s["Properties"]["GenerateSecretString"] for s in of_type(dev, "AWS::SecretsManager::Secret").values()
    ]
    logins = [json.loads(s["SecretStringTemplate"]) for s in secrets]
    assert logins == [
        {"dbname": "studentdata", "username": "dbadmin"},
        {"dbname": "studentdata", "username": "processor"},
        {"dbname": "studentdata", "username": "reader"},
    ]
    assert len(of_type(dev, "AWS::SecretsManager::SecretTargetAttachment")) == 3
    assert "Password" not in str(only(dev, "AWS::RDS::DBInstance")["MasterUsername"])


def test_processor(dev: Template) -> None:
    processor = function(dev, "processor-dev")
    assert processor["Handler"] == "processor.handler.handler"
    assert (processor["Runtime"], processor["Architectures"]) == ("python3.13", ["arm64"])
    assert (processor["MemorySize"], processor["Timeout"]) == (512, 60)
    variables = processor["Environment"]["Variables"]
    assert variables["DB_SSLMODE"] == "verify-full"
    assert variables["POWERTOOLS_SERVICE_NAME"] == "student-performance-processor-dev"
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == metrics.NAMESPACE
    assert "ProcessorSecret" in variables["DB_SECRET_ARN"]["Ref"]
    assert not {"DB_MIGRATION_SECRET_ARN", "DB_PROCESSOR_SECRET_ARN"} & set(variables)
    group = dev["Resources"][processor["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert group == {
        "LogGroupName": "/aws/lambda/student-performance-processor-dev",
        "RetentionInDays": 7,
        "Tags": group["Tags"],
    }


def test_operations(dev: Template) -> None:
    operations = function(dev, "operations-dev")
    assert operations["Handler"] == "processor.operations.handler"
    variables = operations["Environment"]["Variables"]
    assert "OwnerSecret" in variables["DB_SECRET_ARN"]["Ref"]
    assert "ProcessorSecret" in variables["DB_PROCESSOR_SECRET_ARN"]["Ref"]
    assert "ReaderSecret" in variables["DB_READER_SECRET_ARN"]["Ref"]
    assert operations["Code"] == function(dev, "processor-dev")["Code"]


def test_reports_has_the_readers_login_and_no_other(dev: Template) -> None:
    reports = function(dev, "reports-dev")
    assert reports["Handler"] == "processor.reading.handler"
    assert (reports["MemorySize"], reports["Timeout"]) == (512, 30)
    assert reports["ReservedConcurrentExecutions"] == 10
    variables = reports["Environment"]["Variables"]
    assert "ReaderSecret" in variables["DB_SECRET_ARN"]["Ref"]
    assert {name for name in variables if "SECRET" in name} == {"DB_SECRET_ARN"}
    (migration,) = of_type(dev, "Custom::DatabaseMigration")
    (name,) = (n for n in of_type(dev, "AWS::Lambda::Function") if n.startswith("FunctionsReports"))
    assert migration in dev["Resources"][name]["DependsOn"]


def test_only_operations_reaches_further_than_database_and_secrets(dev: Template) -> None:
    groups = {
        name: [g["Fn::GetAtt"][0][:-8] for g in function(dev, name)["VpcConfig"]["SecurityGroupIds"]]
        for name in ("processor-dev", "operations-dev", "reports-dev")
    }
    assert groups == {
        "processor-dev": ["NetworkFunctionsGroup"],
        "operations-dev": ["NetworkFunctionsGroup", "NetworkOperationsGroup"],
        "reports-dev": ["NetworkFunctionsGroup"],
    }


def test_event_source_mapping(dev: Template) -> None:
    mapping = only(dev, "AWS::Lambda::EventSourceMapping")
    bucket = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert dev["Resources"][bucket]["Type"] == "AWS::S3::Bucket"
    expected = {
        "BatchSize": 500,
        "BisectBatchOnFunctionError": True,
        "Enabled": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRecordAgeInSeconds": 86400,
        "MaximumRetryAttempts": 10_000,  # in an outage, batches end by their age and not by their retries
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
    }
    assert {key: mapping[key] for key in expected} == expected


def test_the_context_reaches_the_mapping(synthesise: Any) -> None:
    template = synthesise(
        target="aws", batchSize=100, batchWindowSeconds=5, retryAttempts=7, maximumRecordAgeSeconds=3600
    )
    mapping = only(template, "AWS::Lambda::EventSourceMapping")
    assert mapping["BatchSize"] == 100
    assert mapping["MaximumBatchingWindowInSeconds"] == 5
    assert mapping["MaximumRetryAttempts"] == 7
    assert mapping["MaximumRecordAgeInSeconds"] == 3600


def test_nothing_consumes_before_the_schema_is_there(dev: Template) -> None:
    migration, resource = next(iter(of_type(dev, "Custom::DatabaseMigration").items()))
    for kind, part in (
        ("AWS::Lambda::EventSourceMapping", "EventSource"),
        ("AWS::Lambda::Function", "Processor"),
        ("AWS::Events::Rule", "Compaction"),
    ):
        (waiting,) = [r for name, r in of_type(dev, kind).items() if part in name]
        assert migration in waiting["DependsOn"]
    assert resource["Properties"]["Command"] == "migrate"
    assert resource["Properties"]["ServiceToken"]["Fn::GetAtt"][0].startswith("FunctionsOperations")
    needed = {dev["Resources"][name]["Type"] for name in resource["DependsOn"]}
    assert {"AWS::RDS::DBInstance", "AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroupIngress"} <= needed


def test_what_is_derived_is_refreshed_every_minute(dev: Template) -> None:
    properties = only(dev, "AWS::Events::Rule")
    assert properties["ScheduleExpression"] == "rate(1 minute)"
    [target] = properties["Targets"]
    assert target["Input"] == '{"command":"refresh"}'
    assert target["Arn"]["Fn::GetAtt"][0].startswith("FunctionsOperations")
    assert only(dev, "AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0


def test_old_data_go_every_night_where_that_is_wanted(synthesise: Any, dev: Template) -> None:
    assert len(of_type(dev, "AWS::Events::Rule")) == 1
    template = synthesise(target="aws", retentionMonths=24)
    [rule] = [r for name, r in of_type(template, "AWS::Events::Rule").items() if "Retention" in name]
    assert set(of_type(template, "Custom::DatabaseMigration")) <= set(rule["DependsOn"])
    properties = rule["Properties"]
    assert properties["Name"] == "student-performance-retention-dev"
    assert properties["ScheduleExpression"] == "cron(30 2 * * ? *)"
    [target] = properties["Targets"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith("FunctionsOperations")
    assert commands.parse(json.loads(target["Input"]), "operations") == Retention(
        keep_months=24, dry_run=False
    )


def test_failed_records_bucket(dev: Template) -> None:
    bucket = only(dev, "AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    encryption = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 90


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


def alarms(template: Template) -> dict[str, Properties]:
    found = [a["Properties"] for a in of_type(template, "AWS::CloudWatch::Alarm").values()]
    return {re.sub(r"^student-performance-(dev|prod)-", "", a["AlarmName"]): a for a in found}


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


def test_dashboard(dev: Template) -> None:
    page = only(dev, "AWS::CloudWatch::Dashboard")
    assert page["DashboardName"] == {"Fn::Join": ["", ["student-performance-dev-", {"Ref": "AWS::Region"}]]}
    body = str(page["DashboardBody"])
    for shown in (
        "IncomingRecords",
        "StoredEvents",
        "IteratorAge",
        "Errors",
        "RejectedEvents",
        "CPUUtilization",
    ):
        assert shown in body


def test_outputs_and_exports(dev: Template) -> None:
    outputs = {name: output.get("Export", {}).get("Name") for name, output in dev["Outputs"].items()}
    assert outputs == {
        "KinesisStreamName": "PerformanceStreamName-dev",
        "KinesisStreamArn": "PerformanceStreamArn-dev",
        "DatabaseEndpoint": "DBEndpoint-dev",
        "DatabaseSecretArn": "DBSecretArn-dev",
        "ProcessorFunctionArn": "ProcessorFunctionArn-dev",
        "KinesisStreamKeyArn": None,
        "ProducerPolicyArn": None,
        "ReadersPolicyArn": None,
        "OperatorsPolicyArn": None,
        "OperationsFunctionName": None,
        "ReportsFunctionName": None,
        "FailedRecordsBucketName": None,
        "AlarmTopicArn": None,
        "Module": None,
    }


KEPT_IN_PROD = ("AWS::Kinesis::Stream", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Logs::LogGroup")


def test_dev_leaves_nothing_behind(dev: Template) -> None:
    kept = [name for name, r in dev["Resources"].items() if r.get("DeletionPolicy", "Delete") != "Delete"]
    assert kept == []
    database = only(dev, "AWS::RDS::DBInstance")
    assert database["DeletionProtection"] is False
    assert database["DeleteAutomatedBackups"] is True
    # For a function that names no log group, Lambda makes one that keeps its logs forever.
    for resource in of_type(dev, "AWS::Lambda::Function").values():
        group = resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert dev["Resources"][group]["Properties"]["RetentionInDays"] == 7
    # Only an empty bucket can be deleted.
    assert len(of_type(dev, "Custom::S3AutoDeleteObjects")) == 1


def test_prod_keeps_data_and_refuses_deletion(prod: Template) -> None:
    for kind in KEPT_IN_PROD:
        for name, resource in of_type(prod, kind).items():
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert resource["UpdateReplacePolicy"] == "Retain", name
    assert only(prod, "AWS::RDS::DBInstance")["DeleteAutomatedBackups"] is False
    assert not of_type(prod, "Custom::S3AutoDeleteObjects")


def test_nothing_stands_in_the_way_when_a_first_deployment_is_rolled_back(prod: Template) -> None:
    # "Retain" would leave names behind that the next attempt needs, and deletion protection a database.
    policies = {r.get("DeletionPolicy", "Delete") for r in prod["Resources"].values()}
    assert policies == {"Delete", "RetainExceptOnCreate"}
    assert "DeletionProtection" not in only(prod, "AWS::RDS::DBInstance")


def test_prods_database_is_protected_last_and_stays_so(prod: Template) -> None:
    (guard,) = of_type(prod, "Custom::DatabaseProtection").values()
    (instance,) = of_type(prod, "AWS::RDS::DBInstance")
    (mapping,) = of_type(prod, "AWS::Lambda::EventSourceMapping")
    assert guard["Properties"]["DBInstanceIdentifier"] == {"Ref": instance}
    assert mapping in guard["DependsOn"]
    # Deleting the stack does not remove the protection; only rolling back the guard's own deployment does.
    assert guard["DeletionPolicy"] == "RetainExceptOnCreate"


def test_prods_default_security_group_is_closed(prod: Template, dev: Template) -> None:
    (closed,) = of_type(prod, "Custom::ClosedSecurityGroup").values()
    (vpc,) = of_type(prod, "AWS::EC2::VPC")
    assert closed["Properties"]["GroupId"] == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}
    assert not [name for name in dev["Resources"] if name.startswith("Guard")]


def test_names_that_are_the_accounts_in_all_regions_hold_the_region(dev: Template) -> None:
    for kind, member in (
        ("AWS::CloudWatch::Dashboard", "DashboardName"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ):
        for resource in of_type(dev, kind).values():
            assert {"Ref": "AWS::Region"} in resource["Properties"][member]["Fn::Join"][1]
    for kind in ("AWS::IAM::Role", "AWS::S3::Bucket"):
        for resource in of_type(dev, kind).values():
            assert not resource["Properties"].keys() & {"RoleName", "BucketName"}


def test_rotation_is_hosted_for_all_logins_and_reaches_the_database(synthesise: Any) -> None:
    template = synthesise(target="aws", secretRotationDays=30)
    schedules = of_type(template, "AWS::SecretsManager::RotationSchedule")
    assert len(schedules) == 3
    (migration,) = of_type(template, "Custom::DatabaseMigration")
    assert all(migration in schedule["DependsOn"] for schedule in schedules.values())
    for schedule in schedules.values():
        assert schedule["Properties"]["RotationRules"]["ScheduleExpression"] == "rate(30 days)"
        hosted = schedule["Properties"]["HostedRotationLambda"]
        assert hosted["RotationType"] == "PostgreSQLSingleUser"
        assert hosted["VpcSecurityGroupIds"]["Fn::GetAtt"][0].startswith("NetworkFunctionsGroup")
    interface = [
        e["Properties"]
        for e in of_type(template, "AWS::EC2::VPCEndpoint").values()
        if e["Properties"]["VpcEndpointType"] == "Interface"
    ]
    assert "secretsmanager:UpdateSecretVersionStage" in str(interface[0]["PolicyDocument"])
