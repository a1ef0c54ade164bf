"""The names of the alerts function's settings, which are environment variables."""

from typing import Final

OPERATIONS_NAME: Final = "OPERATIONS_NAME"
TOPIC_ARN: Final = "TOPIC_ARN"
WEBHOOK: Final = "WEBHOOK"
WEBHOOK_SECRET_ARN: Final = "WEBHOOK_SECRET_ARN"  # noqa: S105 - a name
WITH_NAMES: Final = "WITH_NAMES"
DASHBOARD: Final = "DASHBOARD"
