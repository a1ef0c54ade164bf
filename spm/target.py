"""Where a stack can be."""

from enum import StrEnum
from typing import Final

DEFAULT_SUFFIX: Final = "dev"


class Target(StrEnum):
    """Where a stack can be."""

    EMBEDDED = "embedded"
    LOCALSTACK = "localstack"
    AWS = "aws"
