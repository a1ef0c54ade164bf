"""``cdk.json``: what every deployment of a checkout begins with."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_key_is_one_that_the_cdk_warns_of() -> None:
    context = json.loads((ROOT / "cdk.json").read_text()).get("context", {})
    assert [key for key in context if key.startswith("aws:")] == []
