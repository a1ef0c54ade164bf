"""``cdk.json`` holds what every deployment of a checkout begins with."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_cdk_warns_of_none_of_its_keys() -> None:
    context = json.loads((ROOT / "cdk.json").read_text()).get("context", {})
    assert [key for key in context if key.startswith("aws:")] == []
