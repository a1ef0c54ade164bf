"""The clouds that a scenario can run in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class CloudUnderTest:
    """A cloud to compare with AWS's documentation, and what a scenario must know about it.

    A scenario's times are multiplied by ``pace``, and its deadlines by ``patience``.
    """

    name: str
    settings: dict[str, str]  # arguments of boto3.Session.client
    role_arn: str
    runtime: str = "python3.13"
    pace: float = 1.0
    patience: float = 1.0

    def client(self, service: str) -> Any:
        """Return a boto3 client of this cloud."""
        config = Config(retries={"total_max_attempts": 5}, s3={"addressing_style": "path"})
        make: Callable[..., Any] = boto3.client
        return make(service, config=config, **self.settings)
