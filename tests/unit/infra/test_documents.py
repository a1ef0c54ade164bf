"""What the documents say about the deployment agrees with the reviewed templates."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]  # it comes with cfn-lint, without types

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = (ROOT / "docs" / "deploy-aws.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SNAPSHOTS = ROOT / "tests" / "integration" / "infra" / "snapshots"
TEMPLATES: dict[str, dict[str, Any]] = {
    profile: json.loads((SNAPSHOTS / f"aws-{profile}.json").read_text()) for profile in ("dev", "prod")
}

COUNTED = {
    "KMS keys": "AWS::KMS::Key",
    "Secrets": "AWS::SecretsManager::Secret",
    "CloudWatch dashboard": "AWS::CloudWatch::Dashboard",
}


class CostLine(NamedTuple):
    """One line of a table of costs."""

    quantity: float
    price: float
    amount: float
    idle: float


def costs(profile: str) -> tuple[dict[str, CostLine], tuple[float, float]]:
    """Return the table's rows and its two totals, of which the second is for an idle deployment."""
    section = DEPLOY.split(f"### Profile {profile}")[1].split("\n## ")[0].split("\n### ")[0]
    rows = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"[\d.]+", cells[1]):
            rows[cells[0]] = CostLine(float(cells[1]), *map(float, cells[3:]))
    totals = re.search(r"\*\*total\*\*.*\*\*([\d.]+)\*\* \| \*\*([\d.]+)\*\*", section)
    assert totals is not None
    return rows, (float(totals[1]), float(totals[2]))


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_the_costs_add_up(profile: str) -> None:
    rows, (total, idle) = costs(profile)
    for what, row in rows.items():
        assert row.amount == pytest.approx(row.quantity * row.price, abs=0.0051), what
        assert row.idle in (0, row.amount), what
    assert total == pytest.approx(sum(row.amount for row in rows.values()), abs=0.0051)
    assert idle == pytest.approx(sum(row.idle for row in rows.values()), abs=0.0051)


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_the_costs_count_what_the_template_has(profile: str) -> None:
    rows, _ = costs(profile)
    kinds = Counter(resource["Type"] for resource in TEMPLATES[profile]["Resources"].values())
    assert {what: rows[what].quantity for what in COUNTED} == {w: kinds[kind] for w, kind in COUNTED.items()}
    assert rows["VPC endpoint for Secrets Manager, one per zone"].quantity == 730 * kinds["AWS::EC2::Subnet"]
    # An alarm on an expression is billed by the metrics that it reads.
    alarmed = sum(len(metrics_of(alarm)) for alarm in alarms(profile).values())
    assert rows["CloudWatch alarms, by metric"].quantity == alarmed


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_the_costs_count_what_the_environment_is_deployed_with(profile: str) -> None:
    rows, _ = costs(profile)
    (database,) = of_type(profile, "AWS::RDS::DBInstance")
    (stream,) = of_type(profile, "AWS::Kinesis::Stream")
    shard_hours = 730 * stream["ShardCount"]
    assert f"RDS {database['DBInstanceClass']}, PostgreSQL, Multi-AZ" in rows
    assert rows["RDS storage gp3, Multi-AZ"].quantity == int(database["AllocatedStorage"])
    assert rows["Kinesis shard"].quantity == shard_hours
    beyond = rows.get("Kinesis retention beyond 24 hours", CostLine(0, 0, 0, 0)).quantity
    assert beyond == (shard_hours if stream["RetentionPeriodHours"] > 24 else 0)


def of_type(profile: str, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in TEMPLATES[profile]["Resources"].values() if r["Type"] == kind]


def alarms(profile: str = "dev") -> dict[str, dict[str, Any]]:
    found = of_type(profile, "AWS::CloudWatch::Alarm")
    return {a["AlarmName"].removeprefix(f"student-performance-{profile}-"): a for a in found}


OF_ALERTS = {"alerts-errors"}
"""Only templates with ``alerts`` have it: tests/integration/infra/test_alerts.py."""

OF_THE_DOOR = {"ingest-5xx", "ingest-duration", "ingest-errors", "ingest-throttles"}
"""Only templates with ``ingest`` have them: tests/integration/infra/test_front_door.py."""

OF_THE_DASHBOARD = {"dashboard-5xx", "dashboard-errors"}
"""Only templates with ``dashboard`` have them: tests/integration/infra/test_school_dashboard.py."""


def test_operations_describes_every_alarm_and_no_other() -> None:
    section = OPERATIONS.split("\n## Alarms\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (.+)$", section, re.MULTILINE) == sorted(
        alarms().keys() | OF_ALERTS | OF_THE_DOOR | OF_THE_DASHBOARD
    )


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the alarm's metric, or those of its expression."""
    queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return queries or [alarm]


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarms_section_names_its_metric_and_where_it_comes_from(name: str) -> None:
    section = OPERATIONS.split(f"\n### {name}\n")[1].split("\n#")[0]
    alarm = alarms()[name]
    for metric in metrics_of(alarm):
        assert f"`{metric['Namespace']} {metric['MetricName']}`" in section
    for part in ("**Means:**", "**Look:**", "**Do:**"):
        assert part in section


@pytest.mark.parametrize("document", ["deploy-aws.md", "operations.md"])
def test_no_runbook_makes_a_second_mapping(document: str) -> None:
    # Lambda refuses a second mapping of the same stream and function.
    text = (ROOT / "docs" / document).read_text()
    assert "second mapping" not in text
    assert "create-event-source-mapping" not in text


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_points_at_its_section(name: str) -> None:
    assert alarms()[name]["AlarmDescription"].endswith(f"See docs/operations.md#{name}")


WORKFLOW = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()


def test_the_workflow_deploys_what_it_has_shown_after_an_approval_and_stores_no_keys() -> None:
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert "secrets." not in WORKFLOW
    assert jobs["deploy"]["needs"] == "plan"
    assert jobs["plan"]["environment"] == "plan-${{ inputs.environment }}"
    assert jobs["deploy"]["environment"] == "${{ inputs.environment }}"
    steps = [step.get("run", "") for step in jobs["deploy"]["steps"]]
    assert [step.partition(" #")[0] for step in steps if "cdk " in step] == [
        "cdk deploy --app cdk.out --require-approval never --progress events"
    ]
    for job in jobs.values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}


def test_the_workflow_offers_the_environments_that_have_a_file() -> None:
    offered = yaml.safe_load(WORKFLOW)[True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert sorted(offered) == sorted(path.stem for path in (ROOT / "environments").glob("*.toml"))
