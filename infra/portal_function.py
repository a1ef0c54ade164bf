"""A function of the portal, outside the VPC and from the portal's own asset."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import asset
from infra.config import Config
from infra.function_role import FunctionRole
from infra.functions import architecture, platform
from infra.nag import accept, accept_checkov


def portal_function(
    scope: Construct,
    *,
    config: Config,
    name: str,
    handler: str,
    role: FunctionRole,
    findings: Mapping[str, str],
    **more: Any,  # noqa: ANN401 - as lambda_.Function takes them
) -> lambda_.Function:
    """Make the function; ``findings`` are the accepted findings of Checkov, each with its reason."""
    where = replace(platform(config), certificates=None)
    function = lambda_.Function(
        scope,
        "Function",
        function_name=name,
        code=lambda_.Code.from_asset(str(asset.build_portal(where))),
        handler=handler,
        runtime=lambda_.Runtime(f"python{where.python_version}", lambda_.RuntimeFamily.PYTHON),
        architecture=architecture(config),
        role=role.role,
        log_group=role.log_group,
        **more,
    )
    accept(function, {"L1": "Python 3.13 is supported until 2029; 3.14 follows when CI runs it."})
    accept_checkov(function, findings)
    return function
