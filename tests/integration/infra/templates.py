"""Looks into a template."""

import re
from typing import Any

Template = dict[str, Any]
Properties = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {name: r for name, r in template["Resources"].items() if r["Type"] == kind}


def only(template: Template, kind: str) -> Properties:
    (resource,) = of_type(template, kind).values()
    return dict(resource["Properties"])


def function(template: Template, name: str) -> Properties:
    functions = [r["Properties"] for r in of_type(template, "AWS::Lambda::Function").values()]
    (found,) = [f for f in functions if f.get("FunctionName") == f"student-performance-{name}"]
    return dict(found)


def alarms(template: Template) -> dict[str, Properties]:
    found = [a["Properties"] for a in of_type(template, "AWS::CloudWatch::Alarm").values()]
    return {re.sub(r"^student-performance-(dev|prod)-", "", a["AlarmName"]): a for a in found}
