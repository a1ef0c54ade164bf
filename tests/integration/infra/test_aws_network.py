"""The network and the database, in the template for the target aws."""

import json
from typing import Any

from tests.integration.infra.templates import Template, of_type, only


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


def test_prods_default_security_group_is_closed(prod: Template, dev: Template) -> None:
    (closed,) = of_type(prod, "Custom::ClosedSecurityGroup").values()
    (vpc,) = of_type(prod, "AWS::EC2::VPC")
    assert closed["Properties"]["GroupId"] == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}
    assert not [name for name in dev["Resources"] if name.startswith("Guard")]


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
