"""Every row of the design's table of resources, in the template for the target aws."""

import json
from typing import Any

from processor import metrics
from processor.commands import registry as commands
from processor.commands.retention import Retention
from tests.integration.infra.templates import Template, function, of_type, only


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
