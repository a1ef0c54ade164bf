"""The Lambda function ``student-performance-alerts-{suffix}`` tells people whose risk has risen.

Each log line about stored events wakes it, and so does a schedule every minute.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from portal.alerts import settings
from portal.alerts.channels import Send, topic, webhook
from portal.alerts.message import Wording

SENDING_SECONDS: Final = 30.0
"""How long an invocation takes messages. The rest is for the last ones. A lease outlives the invocation."""

AT_ONCE: Final = 5
"""How many messages are taken at a time. With a slow receiver they need 25 s."""

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Has the operations function carry out a command. Raise RuntimeError if it does not."""


class Outcome(NamedTuple):
    """How many messages were sent, and how many could not be sent."""

    sent: int
    failed: int


TEST: Final[Mapping[str, Any]] = {
    "alert_id": "00000000-0000-0000-0000-000000000000",
    "course": "TEST",
    "title": "A test of alerts",
    "level": "elevated",
    "total": 1,
    "students": [
        {
            "student": "student-0000",
            "display_name": None,
            "level": "elevated",
            "score": 1.0,
            "reasons": [{"rule": "test", "adds": 1.0, "numbers": {}, "sentence": "This is a test."}],
            "changed_at": None,
        }
    ],
}


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Refresh, then send whatever was not sent. With ``{"test": true}``, send a test over every channel.

    The event does not matter otherwise, because the database knows what to send. Each call writes one line of
    log.
    """
    if event.get("test") is True:
        return {name: _tried(send, TEST) or "sent" for name, send in channels().items()}
    until = time.monotonic() + SENDING_SECONDS
    try:
        ask({"command": "refresh", "unless_busy": True})
    except Exception as error:  # noqa: BLE001  # earlier changes are sent all the same
        sys.stderr.write(f"refresh failed: {type(error).__name__}: {error}\n")
    outcomes = [deliver(ask, name, send, until) for name, send in channels().items()]
    told = {"sent": sum(one.sent for one in outcomes), "failed": sum(one.failed for one in outcomes)}
    sys.stdout.write(json.dumps(told) + "\n")
    return told


def deliver(ask: Ask, channel: str, send: Send, until: float) -> Outcome:
    """Send over a channel until nothing is left, or it is ``until``. Acknowledge each before the next.

    So a kill repeats at most one message. Another call sends what is left.
    """
    sent = failed = 0
    while time.monotonic() < until:
        messages = ask({"command": "alerts_take", "channel": channel, "limit": AT_ONCE})["messages"]
        if not messages:
            break
        for message in messages:
            error = _tried(send, message)
            sent, failed = (sent, failed + 1) if error else (sent + 1, failed)
            ask({"command": "alerts_acknowledge", "alert_id": message["alert_id"], "error": error})
    return Outcome(sent, failed)


def ask(command: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have the operations function carry out a command."""
    answer = _client("lambda").invoke(
        FunctionName=os.environ[settings.OPERATIONS_NAME], Payload=json.dumps(command).encode()
    )
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or "refused" in told:
        why = told.get("refused") or told.get("errorMessage")
        raise RuntimeError(f"{command['command']} was not carried out: {why}")
    return told


@cache
def channels() -> Mapping[str, Send]:
    """Return the configured channels, by name."""
    wording = Wording(os.environ.get(settings.WITH_NAMES) == "true", os.environ.get(settings.DASHBOARD))
    arn = os.environ[settings.TOPIC_ARN]
    found: dict[str, Send] = {"sns": topic(_client("sns").publish, arn, wording)}
    if url := os.environ.get(settings.WEBHOOK):
        found["webhook"] = webhook(url, _secret, wording)
    return found


def _tried(send: Send, message: Mapping[str, Any]) -> str | None:
    """Send a message, and return why that failed, in words, or None."""
    try:
        send(message)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is noted with the alert and tried again
        return f"{type(error).__name__}: {error}"
    return None


@cache
def _secret() -> str:
    arn = os.environ[settings.WEBHOOK_SECRET_ARN]
    return str(_client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


@cache
def _client(service: str) -> Any:  # noqa: ANN401  # botocore makes its clients at run time
    from botocore.config import Config  # noqa: PLC0415  # a third of a second, which tests do without
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(connect_timeout=2, read_timeout=25, retries={"total_max_attempts": 1, "mode": "standard"})
    return get_session().create_client(service, config=config)
