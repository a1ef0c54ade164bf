"""The names of the function's settings, which the deployment gives it."""

from typing import Final

STREAM_NAME: Final = "STREAM_NAME"
SENDERS_SECRET_ARN: Final = "SENDERS_SECRET_ARN"  # noqa: S105  # the name of a setting, not a secret
