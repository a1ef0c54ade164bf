"""LocalStack and PostgreSQL in containers of their own, and what a test does with them."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import asyncpg
import boto3
import docker
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import get_docker_socket
from testcontainers.core.container import DockerContainer
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import HttpWaitStrategy

from spm.aws.commands import Commands
from spm.aws.stack import Aws, Stack, from_outputs
from spm.aws.stream import records_of, shard_ids
from tests import engine
from tests.integration.localstack.checkout import Checkout

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

REGION = "us-east-1"
GATEWAY = 4566
PASSWORD = "of-this-run-only"
STOP_SECONDS = 20  # LocalStack removes the containers of its functions
# Few retries: what is given up is to reach the bucket within a test.
SHARED = {
    "environmentSuffix": "shared",
    "shardCount": "2",
    "processorTimeoutSeconds": "10",
    "retryAttempts": "3",
}
PORTAL = {
    "environmentSuffix": "portal",
    "ingest": "true",
    "alerts": "true",
    "dashboard": "true",
    "dashboardClientId": "spm",
    "dashboardAdminClaim": "groups=heads",
}
THIS_RUN: Final[dict[str, str | list[str] | bool]] = {"label": f"{LABEL_SESSION_ID}={SESSION_ID}"}


class ShownRecord(NamedTuple):
    """A record as the stream holds it."""

    shard_id: str
    sequence_number: str
    partition_key: str
    arrived_at: datetime
    data: bytes


@dataclass(frozen=True)
class Environment:
    """One deployed environment."""

    aws: Aws
    stack: Stack
    commands: Commands
    logs: "CloudWatchLogsClient"

    @property
    def outputs(self) -> dict[str, str]:
        """What the stack says of itself."""
        [stack] = self.aws.cloudformation.describe_stacks(StackName=self.stack.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def processor_log(self) -> str:
        """Everything that the processor has logged."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.stack.processor_name}"
        )
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def failed_records(self) -> dict[str, dict[str, Any]]:
        """The invocation records in the failed-records bucket, by key."""
        bucket, s3 = self.stack.bucket_name, self.aws.s3
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}

    def records(self) -> list[ShownRecord]:
        """Read the whole stream."""
        return [
            ShownRecord(
                shard_id,
                record["SequenceNumber"],
                record["PartitionKey"],
                record["ApproximateArrivalTimestamp"],
                record["Data"],
            )
            for shard_id in shard_ids(self.aws, self.stack)
            for record in records_of(self.aws, self.stack, shard_id)
        ]


class Cloud:
    """The containers, as a context manager. Ports and names are free ones; nothing of it outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.synthesised = folder / "cdk.out"
        self._mine = f"student-performance-test={uuid.uuid4().hex}"
        images = engine.images()
        self._network = Network()
        self.postgres = PostgresContainer(
            images["postgres"], username="dbadmin", password=PASSWORD, dbname="studentdata", driver=None
        )
        self.postgres.with_network(self._network).with_network_aliases("postgres")
        self.localstack = DockerContainer(images["localstack"]).with_exposed_ports(GATEWAY)
        self.localstack.waiting_for(HttpWaitStrategy(GATEWAY, "/_localstack/health"))
        self.localstack.with_network(self._network)
        self.localstack.with_volume_mapping(get_docker_socket(), "/var/run/docker.sock", "rw")
        self.localstack.with_envs(
            **engine.localstack_environment(),
            # So that testcontainers' reaper and `_stop_localstack` know whose containers these are.
            LAMBDA_DOCKER_FLAGS=f"--label {LABEL_SESSION_ID}={SESSION_ID} --label {self._mine}",
        )
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            opening.enter_context(self._network)
            opening.enter_context(self.postgres)
            opening.callback(self._stop_localstack)
            self.localstack.start()
            self._open = opening.pop_all()
        # From a folder without a CDK app, so that none is synthesised for it.
        bootstrap = (str(engine.ROOT / "node_modules" / ".bin" / "cdklocal"), "bootstrap")
        Checkout(self.folder, self.aws_environment).run(*bootstrap, f"aws://000000000000/{REGION}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def aws_environment(self) -> dict[str, str]:
        """The variables that lead clients and cdklocal here."""
        localstack = self.localstack
        endpoint = f"http://{localstack.get_container_host_ip()}:{localstack.get_exposed_port(GATEWAY)}"
        return {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "POSTGRES_PASSWORD": PASSWORD,
        }

    @property
    def host(self) -> str:
        """The address at which containers reach a server of this machine."""
        with contextlib.closing(docker.from_env()) as client:
            network = client.networks.get(self._network.name)
            return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    @property
    def checkout(self) -> Checkout:
        """The checkout that the tests are part of."""
        return Checkout(engine.ROOT, self.aws_environment)

    def deploy(self, context: Mapping[str, str], checkout: Checkout | None = None) -> Environment:
        """Deploy an environment as a user does, from this checkout or a changed copy."""
        outputs = (checkout or self.checkout).deploy(self.synthesised, context)
        aws = Aws(self.aws_environment)
        stack = from_outputs(f"StudentPerformance-{context['environmentSuffix']}", outputs)
        logs = boto3.client(
            "logs",
            endpoint_url=self.aws_environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        return Environment(aws, stack, stack.commands(aws), logs)

    def fetch(self, sql: str, *arguments: object) -> list[Mapping[str, Any]]:
        """Run a query as the schema's owner, at whatever port the server has now."""
        return asyncio.run(self._fetch(sql, arguments))

    async def _fetch(self, sql: str, arguments: tuple[object, ...]) -> list[Mapping[str, Any]]:
        connection = await asyncpg.connect(
            host=self.postgres.get_container_host_ip(),
            port=self.postgres.get_exposed_port(5432),
            user="dbadmin",
            password=PASSWORD,
            database="studentdata",
        )
        try:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    def save_logs(self, folder: Path) -> None:
        """Write what every container of this run has logged into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(docker.from_env()) as client:
            for container in client.containers.list(all=True, filters=THIS_RUN):
                (folder / f"{container.name}.log").write_bytes(container.logs())

    def _stop_localstack(self) -> None:
        """Let LocalStack remove its functions' containers; remove those that it left behind."""
        with contextlib.suppress(docker.errors.NotFound):
            self.localstack.get_wrapped_container().stop(timeout=STOP_SECONDS)
        self.localstack.stop()
        with contextlib.closing(docker.from_env()) as client:
            for container in client.containers.list(all=True, filters={"label": self._mine}):
                container.remove(force=True)
