"""The guard's inline code, whose calls are checked against AWS's own models."""

import sys
import types
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.guard import CODE


@pytest.fixture
def answers() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def guard(answers: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the code as Lambda does, with the module that Lambda puts beside it."""
    beside = types.ModuleType("cfnresponse")
    vars(beside).update(SUCCESS="SUCCESS", FAILED="FAILED")
    vars(beside)["send"] = lambda _event, _context, status, _data, _id, reason="": answers.append(
        (status, reason)
    )
    monkeypatch.setitem(sys.modules, "cfnresponse", beside)
    spec = spec_from_file_location("guard_inline", CODE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def client(service: str) -> Any:
    made: Any = boto3.session.Session
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
    return made().client(service, **keys)


@pytest.fixture
def rds(guard: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    stubbed = client("rds")
    monkeypatch.setattr(guard.boto3, "client", lambda _: stubbed)
    with Stubber(stubbed) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def ec2(guard: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    stubbed = client("ec2")
    monkeypatch.setattr(guard.boto3, "client", lambda _: stubbed)
    with Stubber(stubbed) as stub:
        yield stub
        stub.assert_no_pending_responses()


def event(request: str, **properties: str) -> dict[str, Any]:
    return {"RequestType": request, "ResourceProperties": properties}


def test_it_fits_into_a_template() -> None:
    assert len(CODE.read_text()) <= 4096


@pytest.mark.parametrize(
    ("request_type", "protected"), [("Create", True), ("Update", True), ("Delete", False)]
)
def test_a_database_is_protected_until_the_resource_goes(
    request_type: str, protected: bool, guard: Any, rds: Stubber, answers: list[tuple[str, str]]
) -> None:
    rds.add_response(
        "describe_db_instances",
        {"DBInstances": [{"DBInstanceStatus": "available"}]},
        {"DBInstanceIdentifier": "db"},
    )
    rds.add_response(
        "modify_db_instance", {}, {"DBInstanceIdentifier": "db", "DeletionProtection": protected}
    )
    guard.handler(event(request_type, DBInstanceIdentifier="db"), None)
    assert answers == [("SUCCESS", "")]


def test_cloudformation_is_told_what_failed(guard: Any, rds: Stubber, answers: list[tuple[str, str]]) -> None:
    rds.add_client_error("describe_db_instances", "AccessDenied", "not allowed")
    guard.handler(event("Create", DBInstanceIdentifier="db"), None)
    ((status, reason),) = answers
    assert status == "FAILED"
    assert "not allowed" in reason


INSIDE = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def test_a_default_security_group_loses_both_its_rules(
    guard: Any, ec2: Stubber, answers: list[tuple[str, str]]
) -> None:
    ec2.add_response("revoke_security_group_ingress", {}, {"GroupId": "sg-1", "IpPermissions": [INSIDE]})
    ec2.add_response("revoke_security_group_egress", {}, {"GroupId": "sg-1", "IpPermissions": [ANYWHERE]})
    guard.handler(event("Create", GroupId="sg-1"), None)
    assert answers == [("SUCCESS", "")]


def test_rules_that_are_gone_already_are_no_failure(
    guard: Any, ec2: Stubber, answers: list[tuple[str, str]]
) -> None:
    ec2.add_client_error("revoke_security_group_ingress", "InvalidPermission.NotFound")
    ec2.add_client_error("revoke_security_group_egress", "InvalidPermission.NotFound")
    guard.handler(event("Update", GroupId="sg-1"), None)
    assert answers == [("SUCCESS", "")]


@pytest.mark.usefixtures("ec2")
def test_the_group_goes_with_its_vpc(guard: Any, answers: list[tuple[str, str]]) -> None:
    guard.handler(event("Delete", GroupId="sg-1"), None)
    assert answers == [("SUCCESS", "")]
