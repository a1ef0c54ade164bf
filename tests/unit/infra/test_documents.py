"""What the documents say about the deployment, held against the reviewed templates."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

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
    "CloudWatch alarms": "AWS::CloudWatch::Alarm",
    "CloudWatch dashboard": "AWS::CloudWatch::Dashboard",
}


def costs(profile: str) -> tuple[dict[str, tuple[float, float, float]], float]:
    """Return the table's rows (quantity, price, amount) and its total."""
    section = DEPLOY.split(f"### Profile {profile}")[1].split("\n## ")[0].split("\n### ")[0]
    rows = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"[\d.]+", cells[1]):
            rows[cells[0]] = (float(cells[1]), float(cells[3]), float(cells[4]))
    total = re.search(r"\*\*total\*\*.*\*\*([\d.]+)\*\*", section)
    assert total is not None
    return rows, float(total[1])


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_the_costs_add_up(profile: str) -> None:
    rows, total = costs(profile)
    for what, (quantity, price, amount) in rows.items():
        assert amount == pytest.approx(quantity * price, abs=0.0051), what
    assert total == pytest.approx(sum(amount for _, _, amount in rows.values()), abs=0.0051)


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_the_costs_count_what_the_template_has(profile: str) -> None:
    rows, _ = costs(profile)
    kinds = Counter(resource["Type"] for resource in TEMPLATES[profile]["Resources"].values())
    assert {what: rows[what][0] for what in COUNTED} == {what: kinds[kind] for what, kind in COUNTED.items()}
    assert rows["VPC endpoint for Secrets Manager, one a zone"][0] == 730 * kinds["AWS::EC2::Subnet"]


def alarms() -> dict[str, dict[str, Any]]:
    resources = TEMPLATES["dev"]["Resources"].values()
    found = [r["Properties"] for r in resources if r["Type"] == "AWS::CloudWatch::Alarm"]
    return {a["AlarmName"].removeprefix("student-performance-dev-"): a for a in found}


def test_operations_tells_every_alarm_and_no_other() -> None:
    section = OPERATIONS.split("\n## Alarms\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (.+)$", section, re.MULTILINE) == sorted(alarms())


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarms_section_names_its_metric_and_where_it_comes_from(name: str) -> None:
    section = OPERATIONS.split(f"\n### {name}\n")[1].split("\n#")[0]
    alarm = alarms()[name]
    assert f"`{alarm['Namespace']} {alarm['MetricName']}`" in section
    for part in ("**Means:**", "**Look:**", "**Do:**"):
        assert part in section


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_points_at_its_section(name: str) -> None:
    assert alarms()[name]["AlarmDescription"].endswith(f"See docs/operations.md#{name}")
