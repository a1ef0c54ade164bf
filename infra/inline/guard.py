"""Sets what no CloudFormation type can set; inline in the template (see ``infra/guard.py``)."""

from typing import Any

import boto3
import cfnresponse  # type: ignore[import-not-found]  # Lambda puts it beside inline code
from botocore.exceptions import ClientError

EVERYTHING = {"IpProtocol": "-1"}


def handler(event: dict[str, Any], context: object) -> None:
    """Do what the resource is for, and tell CloudFormation how it went."""
    try:
        act(event["RequestType"], event["ResourceProperties"])
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation has to be told
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, "guard", reason=str(error))
    else:
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {}, "guard")


def act(request: str, properties: dict[str, str]) -> None:
    """Protect a database from deletion, or let go of it; close a security group."""
    if "DBInstanceIdentifier" in properties:
        protect(boto3.client("rds"), properties["DBInstanceIdentifier"], on=request != "Delete")
    elif request != "Delete":
        close(boto3.client("ec2"), properties["GroupId"])


def protect(rds: Any, instance: str, *, on: bool) -> None:
    """Switch the deletion protection of an instance, as soon as it takes changes."""
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=instance)
    rds.modify_db_instance(DBInstanceIdentifier=instance, DeletionProtection=on)


def close(ec2: Any, group: str) -> None:
    """Take away the two rules that EC2 gives a VPC's default security group, where they are still there."""
    inside = {**EVERYTHING, "UserIdGroupPairs": [{"GroupId": group}]}
    anywhere = {**EVERYTHING, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for revoke, rule in (
        (ec2.revoke_security_group_ingress, inside),
        (ec2.revoke_security_group_egress, anywhere),
    ):
        try:
            revoke(GroupId=group, IpPermissions=[rule])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidPermission.NotFound":
                raise
