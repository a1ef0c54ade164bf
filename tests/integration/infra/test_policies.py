"""Who may do what: least privilege, compared with AWS's own list of actions, which cfn-lint carries."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

Template = dict[str, Any]
Statement = dict[str, Any]

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"

SERVICES = json.loads((files("cfnlint.data.AdditionalSpecs") / "Policies.json").read_text())

# Resources may be "*" only if the service knows no narrower ones, or for a reason that is given here.
ANY_RESOURCE_ALLOWED = {
    # In a key's policy, "*" can only mean that key.
    "AWS::KMS::Key",
}

# Actions may hold "*" only in policies that we do not write.
WILDCARD_ACTIONS_ALLOWED = {
    # Every key has a statement without which nobody could manage it, and the CDK grants rights to secrets.
    "AWS::KMS::Key",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> Iterator[tuple[str, str, Statement]]:
    """Yield the resource name, the resource type and each statement of every policy in a template."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [
            properties[key] for key in ("PolicyDocument", "KeyPolicy", "ResourcePolicy") if key in properties
        ]
        documents += [p["PolicyDocument"] for p in properties.get("Policies", [])]
        for document in documents:
            for statement in as_list(document["Statement"]):
                yield name, resource["Type"], statement


def actions_of(template: Template, role: str) -> set[str]:
    return {
        action
        for name, kind, statement in statements(template)
        if role in name and kind == "AWS::IAM::Role" and statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }


def suffix_of(template: Template) -> str:
    name: str = template["Outputs"]["KinesisStreamName"]["Export"]["Name"]
    return name.rpartition("-")[2]


@pytest.fixture(scope="module", params=["dev", "prod"])
def aws(request: pytest.FixtureRequest, synthesise: Any) -> Template:
    context = {"environmentSuffix": request.param, "secretRotationDays": 30, "alarmEmail": "none"}
    return dict(synthesise(target="aws", **context))


def test_every_action_exists(aws: Template) -> None:
    for name, _, statement in statements(aws):
        for action in as_list(statement["Action"]):
            if "*" not in action:
                service, verb = action.split(":")
                assert verb.lower() in SERVICES[service]["Actions"], f"{name}: {action}"


def test_no_action_holds_a_wildcard(aws: Template) -> None:
    ours = [
        s for s in statements(aws) if s[1] not in WILDCARD_ACTIONS_ALLOWED and "AutoDelete" not in str(s[2])
    ]
    wild = [
        (name, a) for name, _, s in ours for a in as_list(s["Action"]) if "*" in a and s["Effect"] == "Allow"
    ]
    assert wild == []


def test_any_resource_only_where_the_service_knows_none(aws: Template) -> None:
    for name, kind, statement in statements(aws):
        if (
            kind in ANY_RESOURCE_ALLOWED
            or statement["Effect"] == "Deny"
            or "*" not in as_list(statement["Resource"])
        ):
            continue
        for action in as_list(statement["Action"]):
            service, verb = action.split(":")
            assert not SERVICES[service]["Actions"][verb.lower()].get("Resources"), f"{name}: {action}"


NETWORK_INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_processor_may_read_its_stream_its_secret_its_keys_and_write_its_log_and_failed_records(
    aws: Template,
) -> None:
    assert actions_of(aws, "ProcessorRole") == NETWORK_INTERFACES | LOGS | {
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "s3:ListBucket",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    }


def test_operations_may_read_the_secrets_and_write_its_log(aws: Template) -> None:
    assert actions_of(aws, "OperationsRole") == NETWORK_INTERFACES | LOGS | {
        "kms:Decrypt",
        "secretsmanager:GetSecretValue",
    }


@pytest.mark.parametrize("function", ["Processor", "Reports"])
def test_a_function_reads_its_own_secret_only(aws: Template, function: str) -> None:
    secrets = {"Processor": "ProcessorSecret", "Reports": "ReaderSecret"}
    read = [
        str(statement["Resource"])
        for name, _, statement in statements(aws)
        if f"{function}Role" in name and "secretsmanager:GetSecretValue" in as_list(statement["Action"])
    ]
    assert len(read) == 1
    assert re.findall(r"(\w+Secret)", read[0]) == [f"Database{secrets[function]}"]


def test_reports_may_read_its_secret_and_write_its_log(aws: Template) -> None:
    assert actions_of(aws, "ReportsRole") == NETWORK_INTERFACES | LOGS | {
        "kms:Decrypt",
        "secretsmanager:GetSecretValue",
    }


def test_functions_own_code_may_not_touch_network_interfaces(aws: Template) -> None:
    denied = [s for name, _, s in statements(aws) if s["Effect"] == "Deny" and "FunctionsP" in name]
    (statement,) = [s for s in denied if "ec2:CreateNetworkInterface" in as_list(s["Action"])]
    assert set(statement["Action"]) == NETWORK_INTERFACES
    assert "lambda:SourceFunctionArn" in str(statement["Condition"])


def test_the_functions_roles_have_no_managed_policy(aws: Template) -> None:
    for name, resource in aws["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role" and name.startswith(("Functions", "Guard")):
            assert "ManagedPolicyArns" not in resource["Properties"]


def managed_policies(template: Template) -> dict[str, Any]:
    """Return the managed policies by the people that they are for."""
    return {
        resource["Properties"]["ManagedPolicyName"]["Fn::Join"][1][0].split("-")[2]: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }


def test_a_managed_policy_is_named_after_its_region_and_attached_to_nobody(aws: Template) -> None:
    policies = managed_policies(aws)
    names = {name: policy["ManagedPolicyName"] for name, policy in policies.items()}
    assert names == {
        who: {"Fn::Join": ["", [f"student-performance-{who}-{suffix_of(aws)}-", {"Ref": "AWS::Region"}]]}
        for who in ("readers", "operators", "producer")
    }
    for policy in policies.values():
        assert not policy.keys() & {"Roles", "Users", "Groups"}


def test_a_producer_may_put_records_and_use_the_streams_key_for_it(aws: Template) -> None:
    put, use_key = managed_policies(aws)["producer"]["PolicyDocument"]["Statement"]
    assert {action for action in put["Action"] if "Put" in action} == {
        "kinesis:PutRecord",
        "kinesis:PutRecords",
    }
    assert all(
        action.startswith(("kinesis:Put", "kinesis:List", "kinesis:Describe")) for action in put["Action"]
    )
    assert use_key["Action"] == "kms:GenerateDataKey"
    assert use_key["Resource"]["Fn::GetAtt"][0].startswith("StreamKey")


def test_the_guard_may_change_the_database_and_the_default_security_group_only(synthesise: Any) -> None:
    prod = synthesise(target="aws", environmentSuffix="prod", secretRotationDays=30, alarmEmail="none")
    assert actions_of(prod, "GuardRole") == LOGS | {
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
    }
    for name, _, statement in statements(prod):
        if "GuardRole" in name:
            assert "*" not in as_list(statement["Resource"])


def documented(*policies: str) -> set[str]:
    """Return the actions of all commands that one of these policies allows, according to the reference."""
    table = REFERENCE.read_text().partition("### Rights")[2].partition("\n#")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    wanted = [row[2] for row in rows if row[1].strip() in policies]
    return {action for row in wanted for action in re.findall(r"`([a-z0-9]+:[A-Za-z0-9]+)`", row)}


@pytest.mark.parametrize(("who", "rows"), [("readers", ["readers"]), ("operators", ["readers", "operators"])])
def test_who_has_a_policy_may_do_what_the_reference_says_and_no_more(
    synthesise: Any, who: str, rows: list[str]
) -> None:
    aws = synthesise(target="aws", databaseMultiAz="false", ingest="true")
    policy = as_list(managed_policies(aws)[who]["PolicyDocument"]["Statement"])
    assert {action for s in policy for action in as_list(s["Action"])} == documented(*rows)
    assert {s["Effect"] for s in policy} == {"Allow"}


def test_readers_invoke_the_reports_function_only(aws: Template) -> None:
    def invoked(who: str) -> list[str]:
        policy = as_list(managed_policies(aws)[who]["PolicyDocument"]["Statement"])
        resources = [s["Resource"] for s in policy if "lambda:InvokeFunction" in as_list(s["Action"])]
        return sorted(r["Fn::GetAtt"][0][:-8] for each in resources for r in as_list(each))

    assert invoked("readers") == ["FunctionsReports"]
    assert invoked("operators") == ["FunctionsOperations", "FunctionsProcessor", "FunctionsReports"]
