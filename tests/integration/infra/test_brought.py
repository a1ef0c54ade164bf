"""Resources that a deployer brings on AWS are used as they are, and nothing is made in their place."""

import json
from typing import Any

import pytest

Template = dict[str, Any]

NETWORK = {
    "vpcId": "vpc-0abc123456789def0",
    "subnetIds": "subnet-0aaaaaaa subnet-0bbbbbbb",
    "availabilityZones": "eu-central-1a eu-central-1b",
}
STREAM = {
    "streamArn": "arn:aws:kinesis:eu-central-1:111122223333:stream/theirs",
    "streamKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/theirs",
    "shardCount": 2,
}
DATABASE = {
    "databaseSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:theirs-AbCdEf",
    "databaseSecretKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/secrets",
    "databaseHost": "db.example.org",
    "databaseSecurityGroupId": "sg-0abc1234",
}
PROD = {"target": "aws", "environmentSuffix": "prod", "alarmEmail": "none"}


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def statements(template: Template, role: str) -> str:
    """Return a role's rights as text."""
    (found,) = [
        r for name, r in template["Resources"].items() if role in name and r["Type"] == "AWS::IAM::Role"
    ]
    return str(found["Properties"]["Policies"])


@pytest.fixture(scope="module")
def network(synthesise: Any) -> Template:
    return dict(synthesise(**PROD, **NETWORK))


@pytest.fixture(scope="module")
def everything(synthesise: Any) -> Template:
    return dict(synthesise(**PROD, **NETWORK, **STREAM, **DATABASE))


def test_functions_and_database_stand_in_the_given_subnets(network: Template) -> None:
    subnets = NETWORK["subnetIds"].split()
    inside = [f for f in of_type(network, "AWS::Lambda::Function") if "VpcConfig" in f]
    assert len(inside) == 3
    assert all(f["VpcConfig"]["SubnetIds"] == subnets for f in inside)
    (group,) = of_type(network, "AWS::RDS::DBSubnetGroup")
    assert group["SubnetIds"] == subnets
    assert {g["VpcId"] for g in of_type(network, "AWS::EC2::SecurityGroup")} == {NETWORK["vpcId"]}


def test_nothing_of_a_network_is_made_or_changed(network: Template) -> None:
    kinds = {r["Type"] for r in network["Resources"].values() if r["Type"].startswith("AWS::EC2::")}
    assert kinds == {
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
    }
    assert not of_type(network, "Custom::ClosedSecurityGroup")
    assert of_type(network, "Custom::DatabaseProtection")


def test_the_functions_reach_endpoints_that_are_not_ours(network: Template) -> None:
    (functions,) = [
        group["SecurityGroupEgress"]
        for name, group in (
            (name, r["Properties"])
            for name, r in network["Resources"].items()
            if r["Type"] == "AWS::EC2::SecurityGroup"
        )
        if "FunctionsGroup" in name
    ]
    assert [(r["CidrIp"], r["FromPort"]) for r in functions if r["IpProtocol"] == "tcp"] == [
        ("0.0.0.0/0", 443)
    ]


def test_own_zones_are_named(synthesise: Any) -> None:
    zones = "eu-central-1a eu-central-1c"
    template = synthesise(target="aws", availabilityZones=zones)
    assert [s["AvailabilityZone"] for s in of_type(template, "AWS::EC2::Subnet")] == zones.split()


def test_a_brought_stream_is_read_with_its_key(everything: Template) -> None:
    assert not of_type(everything, "AWS::Kinesis::Stream")
    (mapping,) = of_type(everything, "AWS::Lambda::EventSourceMapping")
    assert mapping["EventSourceArn"] == STREAM["streamArn"]
    rights = statements(everything, "FunctionsProcessorRole")
    assert str(STREAM["streamArn"]) in rights
    assert str(STREAM["streamKeyArn"]) in rights
    outputs = everything["Outputs"]
    assert outputs["KinesisStreamName"]["Value"] == "theirs"
    assert outputs["KinesisStreamKeyArn"]["Value"] == STREAM["streamKeyArn"]
    (producer,) = [
        p for p in of_type(everything, "AWS::IAM::ManagedPolicy") if "Puts events" in p["Description"]
    ]
    assert str(STREAM["streamArn"]) in str(producer["PolicyDocument"])
    assert str(STREAM["streamKeyArn"]) in str(producer["PolicyDocument"])


def test_a_brought_database_is_reached_and_not_made(everything: Template) -> None:
    assert not [r for r in everything["Resources"].values() if r["Type"].startswith("AWS::RDS::")]
    assert not of_type(everything, "Custom::DatabaseProtection")
    rules = of_type(everything, "AWS::EC2::SecurityGroupIngress")
    opened = [
        (r["GroupId"], r["FromPort"]) for r in rules if r["GroupId"] == DATABASE["databaseSecurityGroupId"]
    ]
    assert opened == [("sg-0abc1234", 5432)]
    secrets = of_type(everything, "AWS::SecretsManager::Secret")
    logins = [json.loads(s["GenerateSecretString"]["SecretStringTemplate"]) for s in secrets]
    assert {login["host"] for login in logins} == {"db.example.org"}
    assert [login["username"] for login in logins] == ["processor_prod", "reader_prod"]
    owner = statements(everything, "FunctionsOperationsRole")
    assert DATABASE["databaseSecretArn"] in owner
    assert DATABASE["databaseSecretKeyArn"] in owner
    assert DATABASE["databaseSecretArn"] not in statements(everything, "FunctionsProcessorRole")
    assert everything["Outputs"]["DatabaseSecretArn"]["Value"] == DATABASE["databaseSecretArn"]


def test_only_a_database_that_is_made_is_watched(everything: Template) -> None:
    names = [alarm["AlarmName"] for alarm in of_type(everything, "AWS::CloudWatch::Alarm")]
    assert names
    assert not [name for name in names if "database-" in name]
