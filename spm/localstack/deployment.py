"""The stack on LocalStack: bootstrap where that is missing, cdklocal, and what a person needs afterwards."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from spm.aws.stack import Aws, Stack, from_outputs
from spm.aws.target import Connection
from spm.errors import MonitorError
from spm.localstack.settings import Settings
from spm.target import Target

ASSEMBLY: Final = Path("cdk.out")
OUTPUTS: Final = Path(".local", "localstack-outputs.json")
BOOTSTRAP_STACK: Final = "CDKToolkit"


class Deployed(NamedTuple):
    """A stack as it was deployed last, with the template that it was made from."""

    connection: Connection
    template: dict[str, Any]

    @property
    def stack(self) -> Stack:
        """The stack."""
        return self.connection.stack


def deploy(folder: Path, settings: Settings, arguments: list[str]) -> Deployed:
    """Deploy, or update what is there; ``arguments`` go to cdklocal. Raises MonitorError."""
    cdklocal = folder / "node_modules" / ".bin" / "cdklocal"
    if not cdklocal.exists():
        raise MonitorError(f"{cdklocal} is missing: run `npm ci` in {folder}")
    aws = Aws(settings)
    if not is_bootstrapped(aws):
        account = aws.identity.split(":")[4]
        # From a folder without a CDK app, so that none is synthesised for it.
        with tempfile.TemporaryDirectory() as empty:
            _run(cdklocal, Path(empty), settings, "bootstrap", f"aws://{account}/{settings['AWS_REGION']}")
    (folder / OUTPUTS).parent.mkdir(exist_ok=True)
    outputs = ("--output", str(ASSEMBLY), "--outputs-file", str(OUTPUTS))
    _run(cdklocal, folder, settings, "deploy", *outputs, *arguments)
    return last(folder, settings)


def last(folder: Path, settings: Settings) -> Deployed:
    """Return what was deployed last from this checkout; raise MonitorError where nothing was."""
    try:
        [(name, outputs)] = json.loads((folder / OUTPUTS).read_text()).items()
        template = json.loads((folder / ASSEMBLY / f"{name}.template.json").read_text())
    except (FileNotFoundError, ValueError):
        raise MonitorError("nothing was deployed yet: run ./scripts/localstack deploy") from None
    return Deployed(Connection(Target.LOCALSTACK, Aws(settings), from_outputs(name, outputs)), template)


def is_bootstrapped(aws: Aws) -> bool:
    """Whether there is what `cdklocal bootstrap` makes; LocalStack forgets it whenever it stops."""
    try:
        [stack] = aws.cloudformation.describe_stacks(StackName=BOOTSTRAP_STACK)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return False
    return stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def ignored_shard_counts(deployed: Deployed) -> Iterator[str]:
    """Say which streams have another number of shards than they were deployed with."""
    kinesis = deployed.connection.aws.kinesis
    for resource in deployed.template["Resources"].values():
        if resource["Type"] == "AWS::Kinesis::Stream" and "ShardCount" in resource["Properties"]:
            wanted, name = resource["Properties"]["ShardCount"], resource["Properties"]["Name"]
            summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            if (there := summary["OpenShardCount"]) != wanted:
                yield (
                    f"{name} has {there} shards, not {wanted}: LocalStack ignores another shardCount for a"
                    " stream that is there. Destroy the stack (npx cdklocal destroy), then deploy it"
                )


def summary(deployed: Deployed) -> dict[str, str]:
    """Return what a person needs next, by name."""
    connection = deployed.connection
    endpoint = str(connection.aws.cloudformation.meta.endpoint_url)
    found = {
        "Stack": f"{deployed.stack.name} at {endpoint}",
        "Stream": deployed.stack.stream_name,
        "Dashboard": connection.dashboard_address,
        "Over HTTP": connection.ingest_address,
        "Next": "spm generate - --events 100 | spm publish - --target localstack",
    }
    return {name: value for name, value in found.items() if value}


def _run(cdklocal: Path, folder: Path, settings: Settings, *arguments: str) -> None:
    command = [str(cdklocal), *arguments]
    if subprocess.run(command, cwd=folder, env=settings, check=False).returncode != 0:  # noqa: S603 - cdklocal
        raise MonitorError(f"cdklocal {arguments[0]} failed: what it says stands above")
