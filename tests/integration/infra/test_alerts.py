"""Alerts in the template and in the asset."""

import subprocess
import sys
from typing import Any

import pytest

from infra import asset
from infra.config import ConfigError
from tests.integration.infra.templates import as_list, function, of_type

Template = dict[str, Any]
WEBHOOK = "https://hooks.example.org/risk"


@pytest.fixture(scope="module")
def alerts(synthesise: Any) -> Template:
    context = {"alerts": "true", "alertEmail": "advisor@example.org", "alertWebhook": WEBHOOK}
    return dict(synthesise(target="aws", databaseMultiAz="false", **context))


def test_the_function_stands_outside_the_vpc_and_no_endpoint_is_added(
    alerts: Template, synthesise: Any
) -> None:
    found = function(alerts, "alerts-dev")
    assert "VpcConfig" not in found
    assert found["Timeout"] < 90  # the time for which it claims a message
    assert found["Environment"]["Variables"]["WEBHOOK"] == WEBHOOK
    without = synthesise(target="aws", databaseMultiAz="false")
    assert of_type(alerts, "AWS::EC2::VPCEndpoint").keys() == of_type(without, "AWS::EC2::VPCEndpoint").keys()


def test_the_function_may_only_ask_publish_and_sign(alerts: Template) -> None:
    [role] = [r for name, r in of_type(alerts, "AWS::IAM::Role").items() if name.startswith("AlertsRole")]
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    granted = {action for statement in statements for action in as_list(statement["Action"])}
    assert granted == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "lambda:InvokeFunction",
        "sns:Publish",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    [invoke] = [s for s in statements if s["Action"] == "lambda:InvokeFunction"]
    assert "FunctionsOperations" in str(invoke["Resource"])


def test_a_line_of_the_processors_log_wakes_it_and_every_minute(alerts: Template) -> None:
    [found] = of_type(alerts, "AWS::Logs::SubscriptionFilter").values()
    assert found["Properties"]["FilterPattern"] == "StoredEvents"
    assert "ProcessorLog" in str(found["Properties"]["LogGroupName"])
    rules = [
        rule["Properties"]
        for name, rule in of_type(alerts, "AWS::Events::Rule").items()
        if name.startswith("Alerts")
    ]
    assert [rule["ScheduleExpression"] for rule in rules] == ["rate(1 minute)"]


def test_failures_raise_an_alarm(alerts: Template) -> None:
    [alarm] = [
        one["Properties"]
        for one in of_type(alerts, "AWS::CloudWatch::Alarm").values()
        if one["Properties"]["AlarmName"].endswith("-alerts-errors")
    ]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Errors", 1)
    assert len(alarm["AlarmActions"]) == len(alarm["OKActions"]) == 1


def test_an_address_in_the_context_gets_mail(alerts: Template) -> None:
    endpoints = [s["Properties"]["Endpoint"] for s in of_type(alerts, "AWS::SNS::Subscription").values()]
    assert endpoints == ["advisor@example.org"]


def test_nothing_is_there_unless_it_is_asked_for(synthesise: Any) -> None:
    assert not of_type(synthesise(target="aws"), "AWS::Logs::SubscriptionFilter")


@pytest.mark.parametrize("target", ["embedded", "localstack"])
def test_the_local_targets_have_it_too(target: str, synthesise: Any) -> None:
    template = synthesise(target=target, alerts="true", alertWebhook="http://127.0.0.1:9/")
    assert of_type(template, "AWS::Logs::SubscriptionFilter")
    assert "AlertsWebhookSecretArn" in template["Outputs"]


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ({"alertEmail": "a@example.org"}, "alertEmail"),
        ({"alertWebhook": WEBHOOK}, "alertWebhook"),
        ({"alerts": "true", "alertWebhook": "http://hooks.example.org/"}, "alertWebhook"),
        ({"alerts": "true", "alertWebhook": "hooks.example.org"}, "alertWebhook"),
        ({"alerts": "true", "pipelines": "examples.attendance"}, "alerts"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(context: dict[str, str], key: str, synthesise: Any) -> None:
    with pytest.raises(ConfigError, match=f"context {key}"):
        synthesise(target="aws", **context)


def test_the_asset_holds_whatever_the_function_imports() -> None:
    folder = asset.build_portal(asset.Platform.embedded())
    code = (
        "import sys\n"
        f"sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
        "import portal.alerts.handler\n"
        "print(portal.alerts.handler.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(folder)), done.stderr


def test_messages_link_to_the_dashboard_if_there_is_one(alerts: Template, synthesise: Any) -> None:
    context = {"target": "aws", "databaseMultiAz": "false", "alerts": "true"}
    named = synthesise(**context, dashboardUrl="https://pages.school.example/")
    deployed = synthesise(**context, dashboard="true")
    address = [
        function(template, "alerts-dev")["Environment"]["Variables"].get("DASHBOARD")
        for template in (alerts, named, deployed)
    ]
    assert address[:2] == [None, "https://pages.school.example/"]
    assert "FunctionUrl" in str(address[2])
