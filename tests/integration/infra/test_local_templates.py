"""What differs on the local targets: they use an existing server, and leave out what emulators cannot run."""

import json
import platform
import sys
from typing import Any

import pytest

Template = dict[str, Any]

LOCAL = [{"target": "embedded"}, {"target": "localstack"}]


def of_type(template: Template, kind: str) -> list[dict[str, Any]]:
    return [r for r in template["Resources"].values() if r["Type"] == kind]


def variables(template: Template) -> dict[str, dict[str, Any]]:
    functions = [r["Properties"] for r in of_type(template, "AWS::Lambda::Function")]
    return {f["FunctionName"].split("-")[2]: f["Environment"]["Variables"] for f in functions}


@pytest.fixture(params=LOCAL, ids=lambda context: context["target"])
def local(request: pytest.FixtureRequest, synthesise: Any) -> Template:
    return dict(synthesise(**request.param))


def test_there_is_no_network_and_no_rds(local: Template) -> None:
    kinds = {r["Type"].split("::")[1] for r in local["Resources"].values()}
    assert not kinds & {"EC2", "RDS"}


def test_there_is_no_function_but_the_three(local: Template) -> None:
    assert sorted(variables(local)) == ["operations", "processor", "reports"]


def test_the_secrets_have_the_shape_of_rds(local: Template) -> None:
    owner, processor, reader = (r["Properties"] for r in of_type(local, "AWS::SecretsManager::Secret"))
    login = json.loads(owner["SecretString"])
    assert set(login) == {"engine", "host", "port", "dbname", "username", "password"}
    assert isinstance(login["port"], int)
    for role, secret in (("processor_dev", processor), ("reader_dev", reader)):
        generated = secret["GenerateSecretString"]
        template = json.loads(generated["SecretStringTemplate"])
        assert {**template, generated["GenerateStringKey"]: ""}.keys() == login.keys()
        assert template["username"] == role


def test_connections_are_plain(local: Template) -> None:
    assert {v["DB_SSLMODE"] for v in variables(local).values()} == {"disable"}


def test_embedded_runs_in_this_interpreter_and_its_mapping_is_enabled(synthesise: Any) -> None:
    template = synthesise(target="embedded")
    functions = of_type(template, "AWS::Lambda::Function")
    expected = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert {f["Properties"]["Runtime"] for f in functions} == {expected}
    (mapping,) = of_type(template, "AWS::Lambda::EventSourceMapping")
    assert mapping["Properties"]["Enabled"] is True


def test_embedded_migrates_through_cloudformation(synthesise: Any) -> None:
    template = synthesise(target="embedded")
    (migration,) = of_type(template, "Custom::DatabaseMigration")
    assert migration["Properties"]["Command"] == "migrate"
    assert not any("DB_MIGRATION_SECRET_ARN" in v for v in variables(template).values())


def test_localstack_migrates_in_the_functions(synthesise: Any) -> None:
    template = synthesise(target="localstack")
    assert not [r for r in template["Resources"].values() if r["Type"].startswith("Custom::")]
    for environment in variables(template).values():
        assert "OwnerSecret" in environment["DB_MIGRATION_SECRET_ARN"]["Ref"]
        assert "ProcessorSecret" in environment["DB_PROCESSOR_SECRET_ARN"]["Ref"]
    (mapping,) = of_type(template, "AWS::Lambda::EventSourceMapping")
    assert mapping["Properties"]["Enabled"] is True


def test_localstack_runs_python_3_13_on_the_hosts_architecture(synthesise: Any) -> None:
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    for function in of_type(synthesise(target="localstack"), "AWS::Lambda::Function"):
        assert function["Properties"]["Runtime"] == "python3.13"
        assert function["Properties"]["Architectures"] == [architecture]
