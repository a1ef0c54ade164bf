"""A second pipeline in the templates adds its own resources and changes nothing of the first one."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra import asset, context
from infra.config import ConfigError

pytestmark = pytest.mark.long

Template = dict[str, Any]
INFRA = Path(asset.__file__).parent
MODULES = "processor.student_performance examples.attendance"
BOTH = {"pipelines": MODULES}


def named(template: Template, kind: str, member: str) -> set[str]:
    found = (r["Properties"] for r in template["Resources"].values() if r["Type"] == kind)
    return {properties[member] for properties in found if isinstance(properties.get(member), str)}


@pytest.fixture(params=["aws", "localstack", "embedded"])
def templates(request: pytest.FixtureRequest, synthesise: Any) -> tuple[Template, Template]:
    return synthesise(target=request.param), synthesise(target=request.param, **BOTH)


def without_code(template: Template) -> dict[str, str]:
    """Return resources as text, without the asset and the settings that name the pipelines."""
    shown = {name: str(resource) for name, resource in template["Resources"].items()}
    varying = r"[0-9a-f]{64}|'SchemaHash': '\w+'|, 'PIPELINES': '[a-z_. ]+'"
    return {name: re.sub(varying, "", text) for name, text in shown.items()}


def test_it_adds_its_own_and_leaves_the_first_one_as_it_is(templates: tuple[Template, Template]) -> None:
    one, both = (without_code(template) for template in templates)
    changed = {name for name in one if both.get(name) != one[name]}
    assert {re.sub(r"[0-9A-F]{8}$", "", name) for name in changed} <= {"OperatorsPolicy", "OperatorsReaders"}
    added = set(both) - set(one)
    assert added
    assert all("Attendance" in name for name in added)


def test_its_resources_are_named_after_it(templates: tuple[Template, Template]) -> None:
    _, both = templates
    assert named(both, "AWS::Kinesis::Stream", "Name") == {
        "student-performance-stream-dev",
        "attendance-stream-dev",
    }
    assert "attendance-processor-dev" in named(both, "AWS::Lambda::Function", "FunctionName")
    alarms = named(both, "AWS::CloudWatch::Alarm", "AlarmName")
    names = {name.removeprefix("student-performance-dev-") for name in alarms}
    own = {name.removeprefix("attendance-") for name in names if name.startswith("attendance-")}
    shared = {"schedule-failures"} | {
        name for name in names if name.startswith(("database-", "operations-", "reports-"))
    }
    assert own == {name for name in names if not name.startswith("attendance-")} - shared
    dashboards = [
        r["Properties"] for r in both["Resources"].values() if r["Type"] == "AWS::CloudWatch::Dashboard"
    ]
    assert [d["DashboardName"]["Fn::Join"][1][0] for d in dashboards].count("attendance-dev-") == 1


def test_its_processor_knows_what_it_is(templates: tuple[Template, Template]) -> None:
    _, both = templates
    functions = {
        r["Properties"].get("FunctionName"): r["Properties"]
        for r in both["Resources"].values()
        if r["Type"] == "AWS::Lambda::Function"
    }
    variables = functions["attendance-processor-dev"]["Environment"]["Variables"]
    assert (variables["PIPELINE"], variables["PIPELINES"]) == ("attendance", MODULES)
    assert variables["POWERTOOLS_SERVICE_NAME"] == "attendance-processor-dev"
    shipped = functions["student-performance-processor-dev"]["Environment"]["Variables"]
    assert shipped["PIPELINE"] == "student-performance"


def test_the_asset_holds_a_pipeline_only_where_it_is_deployed() -> None:
    where = asset.Platform.embedded()
    assert not (asset.build(where) / "examples").exists()
    attendance = asset.build(where, ["examples.attendance"]) / "examples" / "attendance"
    assert sorted(path.name for path in attendance.rglob("*") if path.is_file()) == [
        "0001_attendance.sql",
        "__init__.py",
        "statements.sql",
    ]


def test_a_second_pipeline_counts_in_the_connection_budget(synthesise: Any) -> None:
    synthesise(target="aws", shardCount=50)
    with pytest.raises(ConfigError, match="databaseInstanceClass"):
        synthesise(target="aws", shardCount=50, **BOTH)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ("examples.nothing", "context pipelines: the pipeline's module examples.nothing cannot be imported"),
        ("examples", "context pipelines: the module examples has no PIPELINE"),
        ("examples/attendance", "allowed: Python modules of this project, separated by spaces"),
    ],
)
def test_a_wrong_module_stops_the_synthesis(modules: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        context.read_config({"target": "aws", "pipelines": modules}, {})


def test_no_construct_names_a_pipeline() -> None:
    settings = ("config.py", "stack.py", "app.py")
    constructs = [path for path in INFRA.glob("*.py") if path.name not in settings]
    for path in constructs:
        code = "\n".join(line for line in path.read_text().splitlines() if not line.strip().startswith('"""'))
        assert not re.search(r"student.performance|attendance", code), path.name
