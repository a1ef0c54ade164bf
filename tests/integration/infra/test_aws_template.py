"""Every row of the design's table of resources, in the template for the target aws."""

import json
from typing import Any

import pytest

from infra.alarms import FIVE_MINUTES
from processor import metrics

Template = dict[str, Any]
Properties = dict[str, Any]


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
    return dict(synthesise(target="aws", environmentSuffix="prod"))


def test_stream(dev: Template) -> None:
    stream = only(dev, "AWS::Kinesis::Stream")
    assert stream["Name"] == "student-performance-stream-dev"
    assert (stream["ShardCount"], stream["RetentionPeriodHours"]) == (1, 24)
    key = stream["StreamEncryption"]["KeyId"]["Fn::GetAtt"][0]
    assert dev["Resources"][key]["Properties"]["EnableKeyRotation"] is True


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


NO_EGRESS = "255.255.255.255/32"  # how the CDK writes it: without any rule EC2 would allow all of it


def rules(template: Template) -> set[tuple[str, str, str, int, int]]:
    """Return direction, group, other side and ports of every rule, written inline or by itself."""
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
    assert database["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert database["DatabaseInsightsMode"] == "standard"
    assert database["DBName"] == "studentdata"
    assert database["AutoMinorVersionUpgrade"] is True
    parameters = only(dev, "AWS::RDS::DBParameterGroup")
    assert parameters["Family"] == "postgres18"
    assert parameters["Parameters"] == {"rds.force_ssl": "1", "max_connections": "157"}


def test_the_databases_logs_end_with_the_stack(dev: Template) -> None:
    names = {g["Properties"].get("LogGroupName") for g in of_type(dev, "AWS::Logs::LogGroup").values()}
    identifier = only(dev, "AWS::RDS::DBInstance")["DBInstanceIdentifier"]
    assert {f"/aws/rds/instance/{identifier}/{kind}" for kind in ("postgresql", "upgrade")} <= names


def test_both_logins_are_generated_secrets_attached_to_the_instance(dev: Template) -> None:
    secrets = [
        s["Properties"]["GenerateSecretString"] for s in of_type(dev, "AWS::SecretsManager::Secret").values()
    ]
    logins = [json.loads(s["SecretStringTemplate"]) for s in secrets]
    assert logins == [
        {"dbname": "studentdata", "username": "dbadmin"},
        {"dbname": "studentdata", "username": "processor"},
    ]
    assert len(of_type(dev, "AWS::SecretsManager::SecretTargetAttachment")) == 2
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
    assert operations["Code"] == function(dev, "processor-dev")["Code"]


def test_only_operations_reaches_further_than_database_and_secrets(dev: Template) -> None:
    groups = {
        name: [g["Fn::GetAtt"][0][:-8] for g in function(dev, name)["VpcConfig"]["SecurityGroupIds"]]
        for name in ("processor-dev", "operations-dev")
    }
    assert groups == {
        "processor-dev": ["NetworkFunctionsGroup"],
        "operations-dev": ["NetworkFunctionsGroup", "NetworkOperationsGroup"],
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
        "MaximumRetryAttempts": 3,
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
        ("AWS::Events::Rule", "Folding"),
    ):
        (waiting,) = [r for name, r in of_type(dev, kind).items() if part in name]
        assert migration in waiting["DependsOn"]
    assert resource["Properties"]["Command"] == "migrate"
    assert resource["Properties"]["ServiceToken"]["Fn::GetAtt"][0].startswith("FunctionsOperations")
    needed = {dev["Resources"][name]["Type"] for name in resource["DependsOn"]}
    assert {"AWS::RDS::DBInstance", "AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroupIngress"} <= needed


def test_projections_are_compacted_every_minute(dev: Template) -> None:
    properties = only(dev, "AWS::Events::Rule")
    assert properties["ScheduleExpression"] == "rate(1 minute)"
    [target] = properties["Targets"]
    assert target["Input"] == '{"command":"compact"}'
    assert target["Arn"]["Fn::GetAtt"][0].startswith("FunctionsOperations")
    assert only(dev, "AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0


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
    (alarms,) = [s for s in statements if s["Principal"].get("Service") == "cloudwatch.amazonaws.com"]
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_alarms_of_this_environment_and_nobody_else_may_publish_to_the_topic(dev: Template) -> None:
    statements = only(dev, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [s for s in statements if s["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    source = json.dumps(allowed["Condition"]["ArnLike"]["aws:SourceArn"])
    assert ":alarm:student-performance-dev-*" in source
    assert allowed["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_alarms_are_mailed_where_the_context_says(synthesise: Any, dev: Template) -> None:
    assert not of_type(dev, "AWS::SNS::Subscription")
    subscription = only(synthesise(target="aws", alarmEmail="ops@example.org"), "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.org")


ALARMS = {
    "database-connections": ("AWS/RDS", "DatabaseConnections", "Maximum", 300, 1, 125, "notBreaching"),
    "database-cpu": ("AWS/RDS", "CPUUtilization", "Average", 300, 2, 80, "breaching"),
    "database-free-storage": ("AWS/RDS", "FreeStorageSpace", "Minimum", 300, 1, 5 * 2**30, "notBreaching"),
    "dropped-records": ("AWS/Lambda", "DroppedEventCount", "Sum", 60, 1, 1, "notBreaching"),
    "failed-records": (
        *("AWS/Lambda", "OnFailureDestinationDeliveredEventCount", "Sum", 60, 1, 1, "notBreaching"),
    ),
    "iterator-age": ("AWS/Lambda", "IteratorAge", "Maximum", 60, 2, 60_000, "notBreaching"),
    "operations-errors": ("AWS/Lambda", "Errors", "Sum", 60, 1, 1, "notBreaching"),
    "processor-duration": ("AWS/Lambda", "Duration", "Maximum", 60, 1, 48_000, "notBreaching"),
    "processor-errors": ("AWS/Lambda", "Errors", "Sum", 60, 1, 1, "notBreaching"),
    "processor-throttles": ("AWS/Lambda", "Throttles", "Sum", 60, 1, 1, "notBreaching"),
    "rejected-events": (metrics.NAMESPACE, "RejectedEvents", "Sum", 60, 1, 1, "notBreaching"),
    "stream-iterator-age": (
        *("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "Maximum", 60, 2, 60_000, "notBreaching"),
    ),
    "stream-write-throttling": (
        *("AWS/Kinesis", "WriteProvisionedThroughputExceeded", "Sum", 60, 1, 1, "notBreaching"),
    ),
}


def test_alarms(dev: Template) -> None:
    alarms = {
        a["Properties"]["AlarmName"]: a["Properties"] for a in of_type(dev, "AWS::CloudWatch::Alarm").values()
    }
    found = {
        name.removeprefix("student-performance-dev-"): (
            a["Namespace"],
            a["MetricName"],
            a["Statistic"],
            a["Period"],
            a["EvaluationPeriods"],
            a["Threshold"],
            a["TreatMissingData"],
        )
        for name, a in alarms.items()
    }
    assert found == ALARMS
    assert FIVE_MINUTES.to_seconds() == 300


def test_every_alarm_tells_the_topic_when_it_starts_and_when_it_is_over(dev: Template) -> None:
    (topic,) = of_type(dev, "AWS::SNS::Topic")
    for alarm in of_type(dev, "AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
        assert alarm["Properties"]["OKActions"] == [{"Ref": topic}]


def test_dashboard(dev: Template) -> None:
    page = only(dev, "AWS::CloudWatch::Dashboard")
    assert page["DashboardName"] == "student-performance-dev"
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
        "OperationsFunctionName": None,
        "FailedRecordsBucketName": None,
        "AlarmTopicArn": None,
    }


KEPT_IN_PROD = ("AWS::Kinesis::Stream", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Logs::LogGroup")


def test_dev_leaves_nothing_behind(dev: Template) -> None:
    kept = [name for name, r in dev["Resources"].items() if r.get("DeletionPolicy", "Delete") != "Delete"]
    assert kept == []
    database = only(dev, "AWS::RDS::DBInstance")
    assert database["DeletionProtection"] is False
    assert database["DeleteAutomatedBackups"] is True
    # Lambda makes a log group without an end for a function that names none.
    for resource in of_type(dev, "AWS::Lambda::Function").values():
        group = resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert dev["Resources"][group]["Properties"]["RetentionInDays"] == 7
    # A bucket must be empty to be deleted.
    assert len(of_type(dev, "Custom::S3AutoDeleteObjects")) == 1


def test_prod_keeps_data_and_refuses_deletion(prod: Template) -> None:
    for kind in KEPT_IN_PROD:
        for name, resource in of_type(prod, kind).items():
            assert resource["DeletionPolicy"] == "Retain", name
            assert resource["UpdateReplacePolicy"] == "Retain", name
    (database,) = of_type(prod, "AWS::RDS::DBInstance").values()
    assert database["DeletionPolicy"] == "Snapshot"
    assert database["UpdateReplacePolicy"] == "Snapshot"
    assert database["Properties"]["DeletionProtection"] is True
    assert database["Properties"]["DeleteAutomatedBackups"] is False
    assert not of_type(prod, "Custom::S3AutoDeleteObjects")


def test_rotation_is_hosted_for_both_logins_and_reaches_the_database(synthesise: Any) -> None:
    template = synthesise(target="aws", secretRotationDays=30)
    schedules = of_type(template, "AWS::SecretsManager::RotationSchedule")
    assert len(schedules) == 2
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
