"""The front door in the template and in its own asset."""

import subprocess
import sys
from typing import Any

import pytest

from infra import asset
from infra.config import ConfigError
from tests.integration.infra.templates import alarms, as_list, function, of_type
from tests.unit.infra.test_documents import OF_THE_DOOR, OPERATIONS

Template = dict[str, Any]


@pytest.fixture(scope="module")
def door(synthesise: Any) -> Template:
    return dict(synthesise(target="aws", databaseMultiAz="false", ingest="true"))


def test_the_function_stands_outside_the_vpc_behind_an_address(door: Template) -> None:
    found = function(door, "ingest-dev")
    assert "VpcConfig" not in found
    assert found["Handler"] == "portal.ingest.handler.handler"
    assert found["Timeout"] <= 30
    [address] = of_type(door, "AWS::Lambda::Url").values()
    assert address["Properties"]["AuthType"] == "NONE"
    assert {"IngestUrl", "IngestSendersSecretArn"} <= door["Outputs"].keys()


def test_it_may_put_records_and_read_who_may_send_and_nothing_else(door: Template) -> None:
    [role] = [r for name, r in of_type(door, "AWS::IAM::Role").items() if name.startswith("FrontDoor")]
    [policy] = role["Properties"]["Policies"]
    granted = {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
    }
    assert granted.keys() == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "kinesis:PutRecords",
        "kms:GenerateDataKey",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
    }
    [senders] = [
        name for name in of_type(door, "AWS::SecretsManager::Secret") if name.startswith("FrontDoor")
    ]
    assert granted["secretsmanager:GetSecretValue"] == {"Ref": senders}
    [decrypt] = [s for s in policy["PolicyDocument"]["Statement"] if s["Action"] == "kms:Decrypt"]
    assert "secretsmanager" in str(decrypt["Condition"])


ALARMS = {
    "ingest-5xx": ("Url5xxCount", "Sum", 1),
    "ingest-duration": ("Duration", "Maximum", 24_000),
    "ingest-errors": ("Errors", "Sum", 1),
    "ingest-throttles": ("Throttles", "Sum", 1),
}


def test_its_alarms(door: Template, synthesise: Any) -> None:
    found = {name: alarm for name, alarm in alarms(door).items() if name.startswith("ingest-")}
    assert found.keys() == OF_THE_DOOR
    assert not OF_THE_DOOR & alarms(synthesise(target="aws", databaseMultiAz="false")).keys()
    members = ("MetricName", "Statistic", "Threshold")
    assert {name: tuple(alarm[m] for m in members) for name, alarm in found.items()} == ALARMS
    for name, alarm in found.items():
        [dimension] = alarm["Dimensions"]
        [resource] = [key for key in of_type(door, "AWS::Lambda::Function") if key.startswith("FrontDoor")]
        assert dimension == {"Name": "FunctionName", "Value": {"Ref": resource}}
        assert (alarm["Namespace"], alarm["TreatMissingData"]) == ("AWS/Lambda", "notBreaching")
        assert alarm["AlarmActions"] == alarm["OKActions"] != []
        section = OPERATIONS.split(f"\n### {name}\n")[1].split("\n#")[0]
        assert f"`AWS/Lambda {alarm['MetricName']}`" in section
        assert all(part in section for part in ("**Means:**", "**Look:**", "**Do:**"))
        assert alarm["AlarmDescription"].endswith(f"See docs/operations.md#{name}")


def test_nothing_is_there_unless_it_is_asked_for(synthesise: Any) -> None:
    template = synthesise(target="aws")
    assert not of_type(template, "AWS::Lambda::Url")
    assert "IngestUrl" not in template["Outputs"]


@pytest.mark.parametrize("target", ["embedded", "localstack"])
def test_the_local_targets_have_it_too(target: str, synthesise: Any) -> None:
    assert of_type(synthesise(target=target, ingest="true"), "AWS::Lambda::Url")


def test_what_is_sent_has_to_become_events_of_a_deployed_pipeline(synthesise: Any) -> None:
    with pytest.raises(ConfigError, match="context ingest"):
        synthesise(target="aws", ingest="true", pipelines="examples.attendance")


def test_the_asset_holds_whatever_the_function_imports() -> None:
    folder = asset.build_portal(asset.Platform.embedded())
    code = (
        "import sys\n"
        f"sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
        "import portal.ingest.handler, portal.dashboard.handler, joserfc.jws, joserfc.jwk\n"
        "import processor.records.formats.wrapping\n"
        "from portal.dashboard import source\n"
        "from processor.commands.command import answer_of\n"
        "assert answer_of(source.ShowCourse) is source.CoursePage\n"
        "print(portal.ingest.handler.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(folder)), done.stderr
    assert (folder / "portal" / "dashboard" / "templates" / "base.html").exists()
    assert (folder / "portal" / "dashboard" / "static" / "style.css").exists()
    assert not (folder / "asyncpg").exists()
