"""The rights that docs/reference.md names for a command match the calls that the command makes."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from emulation.cloud import EmbeddedCloud
from spm.cli import app
from spm.commands.trace import EXIT_CODES
from tests.support import Deployment

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"

ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "monitoring:GetMetricStatistics": "cloudwatch:GetMetricStatistics",
    "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
    "cloudwatch-logs:FilterLogEvents": "logs:FilterLogEvents",
    "secrets-manager:GetSecretValue": "secretsmanager:GetSecretValue",
    "secrets-manager:PutSecretValue": "secretsmanager:PutSecretValue",
    "secrets-manager:UpdateSecretVersionStage": "secretsmanager:UpdateSecretVersionStage",
}
"""Calls whose IAM action has another name, according to the service authorization reference."""

COMMANDS = {
    "publish": ["publish", "FILE"],
    "generate --stream": ["generate", "--stream", "--events", "3", "--seed", "77"],
    "status": ["status"],
    "tail": ["tail", "--no-follow"],
    "student": ["student", "nobody"],
    "query": ["query", "types"],
    "course": ["course", "nowhere"],
    "rejected": ["rejected", "redrive", "--dry-run", "--reason", "not_utf8"],
    "roster import": ["roster", "import", "ROSTER", "--dry-run"],
    "roster show": ["roster", "show"],
    "risk": ["risk", "list"],
    "export": ["export", "FOLDER"],
    "export-student": ["export-student", "nobody", "NEW"],
    "risk rules set": ["risk", "rules", "set", "high_at", "1.7"],
    "alerts list": ["alerts", "list"],
    "alerts mute": ["alerts", "mute", "nowhere", "--off"],
    "followup": ["followup", "list"],
    "access-log": ["access-log"],
    "roster check": ["roster", "check"],
    "trace": ["trace", "shardId-000000000099/1"],
    "logs": ["logs", "processor"],
    "senders": ["senders", "add", "rights"],
    "retention": ["retention", "--older-than", "2000-01", "--dry-run"],
    "rebuild": ["rebuild", "course_day"],
    "migrate": ["migrate"],
    "erase": ["erase", "rights-nobody", "--yes"],
    "replay failed": ["replay", "failed", "--remove"],
    "replay stream": ["replay", "stream"],
    "replay file": ["replay", "file", "EVENT"],
}


FILES = {"FILE", "EVENT", "ROSTER", "FOLDER", "NEW"}
"""Arguments that stand for a path."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, embedded_cloud: EmbeddedCloud) -> set[str]:
    """Collect every AWS call that this process makes, as service:Operation."""
    made: set[str] = set()

    class RecordingSession(boto3.Session):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.events.register("before-call", self._note)

        @staticmethod
        def _note(event_name: str, **_: object) -> None:
            service, operation = event_name.split(".")[1:]
            made.add(f"{service}:{operation}")

    for variable, value in embedded_cloud.aws_environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "Session", RecordingSession)
    return made


def documented(command: str) -> set[str]:
    rights = REFERENCE.read_text().partition("### Rights")[2].partition("\n#")[0]
    found: set[str] = set()
    for line in rights.splitlines():
        names, _, actions = line.strip("|").partition("|")
        if command in re.findall(r"`([^`]+)`", names) or names.strip() == "all":
            found |= set(re.findall(r"`(\w+:\w+)`", actions))
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_calls_what_is_documented_and_nothing_else(
    command: str, calls: set[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    deployed: Deployment = request.getfixturevalue("door_deployment" if command == "senders" else "deployed")
    (tmp_path / "FILE").write_text(
        '{"student_id": "rights", "event_type": "x", "timestamp": "2026-01-01T00:00:00Z"}'
    )
    (tmp_path / "EVENT").write_text(json.dumps({"Records": []}))
    (tmp_path / "ROSTER").mkdir()
    (tmp_path / "ROSTER" / "courses.csv").write_text("id\nart\n")
    arguments = [str(tmp_path / a) if a in FILES else a for a in COMMANDS[command]]
    result = CliRunner().invoke(app, [*arguments, "--suffix", deployed.suffix])
    assert result.exit_code in {0, 1, EXIT_CODES["unknown"]}, result.output
    made = {ACTIONS.get(call, call) for call in calls} - {"sts:GetCallerIdentity"}  # it needs no right
    # The services use the keys on the caller's behalf, and there is nothing to read in an empty bucket.
    implied = {"kms:Decrypt", "kms:GenerateDataKey", "s3:GetObject", "s3:DeleteObject"}
    if command == "erase":  # there is no object, and nothing was restored
        implied |= {"s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:ListBucket"}
    if command in {"replay file", "replay failed"}:  # without a record nothing is invoked
        implied |= {"lambda:InvokeFunction"}
    if command == "trace":  # an unknown event has no place in the stream and no attempts
        implied |= {"kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:DescribeStreamSummary"}
        implied |= {"logs:FilterLogEvents"}
    assert made <= documented(command)
    assert documented(command) - made <= implied
