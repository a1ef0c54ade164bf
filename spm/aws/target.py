"""Finds the cloud and the stack to which a command talks."""

import os
from dataclasses import dataclass
from typing import Final

from emulation.cloud import CloudState, read_state
from spm.aws.addresses import local_address
from spm.aws.commands import Commands
from spm.aws.stack import Aws, Stack, find
from spm.errors import StackNotFoundError
from spm.target import DEFAULT_SUFFIX, Target

LOCALSTACK_URL: Final = "http://localhost:4566"


@dataclass(frozen=True)
class Connection:
    """A stack and the clients to work with it."""

    target: str
    aws: Aws
    stack: Stack

    @property
    def commands(self) -> Commands:
        """The way to the stack's database."""
        return self.stack.commands(self.aws)

    @property
    def ingest_address(self) -> str | None:
        """Where events are sent to over HTTP, as this machine reaches it, or None if they are not."""
        return self._reached(self.stack.ingest_url)

    @property
    def dashboard_address(self) -> str | None:
        """Where this machine reaches the deployed dashboard, or None if there is none."""
        return self._reached(self.stack.dashboard_url)

    def _reached(self, url: str | None) -> str | None:
        return local_address(url, str(self.aws.cloudformation.meta.endpoint_url)) if url else None


def connect(target: Target | None, suffix: str | None, pipeline: str | None = None) -> Connection:
    """Find the stack. Raise StackNotFoundError if it is not.

    Without a target this is what ``AWS_ENDPOINT_URL`` says, otherwise the embedded cloud if one is running,
    otherwise the ordinary AWS configuration.
    """
    local = read_state() if target in {Target.EMBEDDED, None} else None
    if target is Target.EMBEDDED or (target is None and local and "AWS_ENDPOINT_URL" not in os.environ):
        return _connect_embedded(local, suffix, pipeline)
    if target is Target.LOCALSTACK:
        aws = Aws(_localstack_environment())
        return Connection(target, aws, find(aws, suffix or DEFAULT_SUFFIX, pipeline))
    aws = Aws()
    return Connection(target or _name_of(aws), aws, find(aws, suffix or DEFAULT_SUFFIX, pipeline))


def _connect_embedded(local: CloudState | None, suffix: str | None, pipeline: str | None) -> Connection:
    if local is None:
        raise StackNotFoundError(
            "no embedded cloud is running: start one in another terminal with: spm local"
        )
    aws = Aws(local.aws_environment)
    if suffix is None:
        suffix = next(iter(local.databases)) if len(local.databases) == 1 else DEFAULT_SUFFIX
    return Connection(Target.EMBEDDED, aws, find(aws, suffix, pipeline))


def _localstack_environment() -> dict[str, str]:
    defaults = {
        "AWS_ENDPOINT_URL": LOCALSTACK_URL,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return {name: os.environ.get(name) or value for name, value in defaults.items()}


def _name_of(aws: Aws) -> str:
    url = str(aws.cloudformation.meta.endpoint_url)
    return Target.AWS if ".amazonaws.com" in url else url
