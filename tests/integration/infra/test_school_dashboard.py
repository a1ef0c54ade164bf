"""The dashboard in the template."""

from typing import Any

import pytest

from infra.config import ConfigError
from tests.integration.infra.templates import alarms, as_list, function, of_type
from tests.unit.infra.test_documents import OF_THE_DASHBOARD, OPERATIONS

Template = dict[str, Any]

SIGN_IN = {
    "dashboardIssuer": "https://login.school.example",
    "dashboardClientId": "dashboard",
    "dashboardAdminClaim": "groups=heads of studies",
    "dashboardSubjectClaim": "preferred_username",
    "dashboardUrl": "https://dashboard.school.example",
}


@pytest.fixture(scope="module")
def pages(synthesise: Any) -> Template:
    return dict(synthesise(target="aws", databaseMultiAz="false", dashboard="true"))


def test_the_function_stands_outside_the_vpc_behind_an_address(pages: Template) -> None:
    found = function(pages, "dashboard-dev")
    assert "VpcConfig" not in found
    assert found["Handler"] == "portal.dashboard.handler.handler"
    assert found["Timeout"] <= 30
    [address] = of_type(pages, "AWS::Lambda::Url").values()
    assert address["Properties"]["AuthType"] == "NONE"
    assert {"DashboardUrl", "DashboardClientSecretArn"} <= pages["Outputs"].keys()


def test_it_may_ask_reports_and_read_its_two_secrets_and_nothing_else(pages: Template) -> None:
    [role] = [r for name, r in of_type(pages, "AWS::IAM::Role").items() if name.startswith("SchoolDashboard")]
    [policy] = role["Properties"]["Policies"]
    granted: dict[str, list[Any]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        for action in as_list(statement["Action"]):
            granted.setdefault(action, []).extend(as_list(statement["Resource"]))
    assert granted.keys() == {
        *("logs:CreateLogStream", "logs:PutLogEvents", "lambda:InvokeFunction"),
        *("secretsmanager:GetSecretValue", "kms:Decrypt"),
    }
    [reports] = [
        name for name in of_type(pages, "AWS::Lambda::Function") if name.startswith("FunctionsReports")
    ]
    assert granted["lambda:InvokeFunction"] == [{"Fn::GetAtt": [reports, "Arn"]}]
    own = [
        name for name in of_type(pages, "AWS::SecretsManager::Secret") if name.startswith("SchoolDashboard")
    ]
    assert sorted(one["Ref"] for one in granted["secretsmanager:GetSecretValue"]) == sorted(own)
    assert len(own) == 2


def test_it_is_told_how_to_sign_people_in(pages: Template, synthesise: Any) -> None:
    assert not {name for name in settings(pages) if name.startswith("OIDC") and name != "OIDC_SUBJECT_CLAIM"}
    given = settings(synthesise(target="aws", databaseMultiAz="false", dashboard="true", **SIGN_IN))
    assert {name: given[name] for name in given if name.startswith(("OIDC", "DASHBOARD"))} == {
        "OIDC_ISSUER": "https://login.school.example",
        "OIDC_CLIENT_ID": "dashboard",
        "OIDC_ADMIN_CLAIM": "groups=heads of studies",
        "OIDC_SUBJECT_CLAIM": "preferred_username",
        "DASHBOARD_URL": "https://dashboard.school.example",
    }


def settings(template: Template) -> dict[str, Any]:
    return dict(function(template, "dashboard-dev")["Environment"]["Variables"])


def test_no_template_holds_the_key_of_its_cookies(pages: Template) -> None:
    secrets = of_type(pages, "AWS::SecretsManager::Secret")
    [key] = [secret["Properties"] for name, secret in secrets.items() if "CookieKey" in name]
    assert "SecretString" not in key
    assert key["GenerateSecretString"]["PasswordLength"] >= 43


METRICS = {"dashboard-5xx": "Url5xxCount", "dashboard-errors": "Errors"}


def test_its_alarms(pages: Template, synthesise: Any) -> None:
    found = {name: alarm for name, alarm in alarms(pages).items() if name.startswith("dashboard-")}
    assert {name: alarm["MetricName"] for name, alarm in found.items()} == METRICS
    assert found.keys() == OF_THE_DASHBOARD
    assert not OF_THE_DASHBOARD & alarms(synthesise(target="aws", databaseMultiAz="false")).keys()
    for name, alarm in found.items():
        assert (alarm["Namespace"], alarm["TreatMissingData"]) == ("AWS/Lambda", "notBreaching")
        section = OPERATIONS.split(f"\n### {name}\n")[1].split("\n#")[0]
        assert f"`AWS/Lambda {alarm['MetricName']}`" in section
        assert all(part in section for part in ("**Means:**", "**Look:**", "**Do:**"))


def test_nothing_is_there_unless_it_is_asked_for(synthesise: Any) -> None:
    template = synthesise(target="aws")
    assert not of_type(template, "AWS::Lambda::Url")
    assert "DashboardUrl" not in template["Outputs"]


@pytest.mark.parametrize("target", ["embedded", "localstack"])
def test_the_local_targets_have_it_too(target: str, synthesise: Any) -> None:
    assert of_type(synthesise(target=target, dashboard="true"), "AWS::Lambda::Url")


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"pipelines": "examples.attendance"}, "context dashboard: "),
        ({"dashboardClientId": "x"}, "together with dashboardIssuer"),
        ({"dashboardIssuer": "http://login.school.example"}, "begins with https://"),
        ({"dashboardIssuer": "login.school.example"}, "allowed: an address that begins with https://"),
        ({"dashboardUrl": "http://dashboard.example"}, "begins with https://"),
        ({"dashboardAdminClaim": "heads"}, "claim=value"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_before_anything_is_built(
    context: dict[str, str], message: str, synthesise: Any
) -> None:
    with pytest.raises(ConfigError, match=message):
        synthesise(target="aws", dashboard="true", **context)
