"""Accepts findings of cdk-nag and checkov, each with its reason, next to its resource."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import IConstruct


def accept(construct: IConstruct, findings: Mapping[str, str]) -> None:
    """Accept cdk-nag's findings (rule without its pack's name → reason) on a construct and what it holds."""
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule, reason in findings.items())
    )


def accept_checkov(construct: IConstruct, findings: Mapping[str, str]) -> None:
    """Accept checkov's findings (number of ``CKV_AWS_…`` → reason) on the resource that a construct makes.

    https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
    """
    resource = cast("CfnResource", construct.node.default_child)
    accepted = [{"id": f"CKV_AWS_{number}", "comment": reason} for number, reason in findings.items()]
    resource.add_metadata("checkov", {"skip": accepted})
