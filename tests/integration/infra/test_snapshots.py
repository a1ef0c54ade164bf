"""Whole templates as they were last reviewed, one per target and profile.

A difference is either a mistake or a change to review. ``UPDATE_SNAPSHOTS=1 scripts/test <this file>`` writes
them again, and git shows what changed.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"

# These change with the deployed code or the deploying machine, and not with the infrastructure.
VARYING = [
    (r'"S3Key": "[0-9a-f]{64}\.zip"', '"S3Key": "<asset>.zip"'),
    (r'"SchemaHash": "[0-9a-f]{16}"', '"SchemaHash": "<hash>"'),
    (r'"aws:asset:path": "asset\.[0-9a-f]{64}(\.zip)?"', '"aws:asset:path": "<asset>"'),
]
VARYING_LOCALLY = [
    (r'"Runtime": "python3\.\d+"', '"Runtime": "<python>"'),
    (r'"(arm64|x86_64)"', '"<architecture>"'),
]

CONTEXTS: dict[str, dict[str, Any]] = {
    "aws-dev": {"target": "aws"},
    "aws-prod": {"target": "aws", "environmentSuffix": "prod", "alarmEmail": "none"},
    "embedded-dev": {"target": "embedded"},
    "localstack-dev": {"target": "localstack"},
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_template_is_as_reviewed(name: str, synthesise: Any) -> None:
    text = json.dumps(synthesise(**CONTEXTS[name]), indent=1, sort_keys=True) + "\n"
    for pattern, shown in VARYING + ([] if name.startswith("aws") else VARYING_LOCALLY):
        text = re.sub(pattern, shown, text)
    snapshot = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        snapshot.write_text(text)
    assert text == snapshot.read_text(), (
        f"{snapshot.name} differs: review it, then run with UPDATE_SNAPSHOTS=1"
    )
