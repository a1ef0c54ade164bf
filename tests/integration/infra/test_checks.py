"""The checks that AWS would make at a deployment, but without AWS."""

import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations, aws_s3
from aws_cdk.cloud_assembly_schema import Manifest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]  # cfn-lint ships no types

from infra import app
from infra.config import ConfigError

ROOT = Path(__file__).resolve().parents[3]

# Findings of cfn-lint that are not mistakes.
ACCEPTED = [
    # The CDK writes a DependsOn although a GetAtt says the same.
    "W3005",
]

CONTEXTS: list[dict[str, Any]] = [
    {"target": "aws"},
    {"target": "aws", "environmentSuffix": "prod", "secretRotationDays": 30, "alarmEmail": "ops@example.org"},
    {
        "target": "aws",
        "streamMode": "on-demand",
        "processorConcurrency": 20,
        "databaseInstanceClass": "m8g.large",
    },
    {"target": "aws", "databaseMultiAz": "false", "ingest": "true"},
    {"target": "aws", "databaseMultiAz": "false", "dashboard": "true"},
    {
        "target": "aws",
        "vpcId": "vpc-0abc123456789def0",
        "subnetIds": "subnet-0aaaaaaa subnet-0bbbbbbb",
        "availabilityZones": "eu-central-1a eu-central-1b",
        "streamArn": "arn:aws:kinesis:eu-central-1:111122223333:stream/theirs",
        "shardCount": 2,
        "databaseSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:theirs-AbCdEf",
        "databaseHost": "db.example.org",
        "databaseSecurityGroupId": "sg-0abc1234",
    },
    {"target": "embedded"},
    {"target": "localstack"},
]


@pytest.mark.parametrize(
    "context",
    [CONTEXTS[0], *(pytest.param(context, marks=pytest.mark.long) for context in CONTEXTS[1:])],
    ids=str,
)
def test_cfn_lint_finds_nothing(context: dict[str, Any], synthesise: Any) -> None:
    template = json.dumps(synthesise(**context))
    found = lint(template, config=ManualArgs(regions=["us-east-1", "eu-central-1"], ignore_checks=ACCEPTED))
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_the_engine_is_named_by_its_major_version_only(synthesise: Any) -> None:
    resources = synthesise(target="aws")["Resources"].values()
    (database,) = [r["Properties"] for r in resources if r["Type"] == "AWS::RDS::DBInstance"]
    assert re.fullmatch(r"\d+", database["EngineVersion"])


def test_lambda_still_takes_the_runtime(synthesise: Any) -> None:
    lifecycle = json.loads((files("cfnlint.data.AdditionalSpecs") / "LmbdRuntimeLifecycle.json").read_text())
    resources = synthesise(target="aws")["Resources"].values()
    for function in (r["Properties"] for r in resources if r["Type"] == "AWS::Lambda::Function"):
        deprecated = datetime.fromisoformat(lifecycle[function["Runtime"]]["deprecated"])
        assert deprecated.replace(tzinfo=UTC) > datetime.now(tz=UTC)


def test_the_pinned_command_line_reads_what_the_library_writes() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    needed = Manifest.cli_version()
    assert needed is not None
    assert tuple(map(int, pinned.split("."))) >= tuple(map(int, needed.split(".")))


def test_nag_refuses_a_finding_that_nobody_accepted(tmp_path: Path) -> None:
    unsafe = App(outdir=str(tmp_path), analytics_reporting=False)
    Validations.of(unsafe).add_plugins(AwsSolutionsChecks(unsafe))
    aws_s3.Bucket(Stack(unsafe, "Unsafe"), "Bucket")
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        unsafe.synth()


@pytest.mark.parametrize("variable", ["CDK_DEFAULT_REGION", "AWS_REGION"])
def test_a_region_without_certificates_is_told_before_anything_is_built(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "il-central-1")
    with pytest.raises(ConfigError, match="do not know the databases of il-central-1"):
        app.build(App(outdir=str(tmp_path), context={"target": "aws"}))
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\ntheirs\n-----END CERTIFICATE-----\n")
    for context in ({"target": "aws", "databaseCertificates": str(bundle)}, {"target": "localstack"}):
        app.build(App(outdir=str(tmp_path), context=context))


def test_every_finding_of_checkov_that_is_accepted_has_a_reason(synthesise: Any) -> None:
    # CI runs checkov itself, in an environment of its own: .ci/checkov.
    resources = synthesise(target="aws", environmentSuffix="prod", alarmEmail="none")["Resources"].values()
    accepted = [
        finding for r in resources for finding in r.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert accepted
    for finding in accepted:
        assert re.fullmatch(r"CKV_AWS_\d+", finding["id"])
        assert len(finding["comment"].split()) > 4


@pytest.mark.parametrize(("profile", "protected"), [("dev", False), ("prod", True)])
def test_only_prod_refuses_to_be_deleted(profile: str, protected: bool, tmp_path: Path) -> None:
    context = {"target": "aws", "profile": profile, "alarmEmail": "none"}
    assert app.build(App(outdir=str(tmp_path), context=context)).termination_protection is protected
