"""The ways to people: an SNS topic, and a webhook whose body is signed."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from portal.alerts.message import Message, Wording, for_programs, subject, text

WEBHOOK_SECONDS: Final = 5.0
TIMESTAMP_HEADER: Final = "X-Spm-Timestamp"
SIGNATURE_HEADER: Final = "X-Spm-Signature"
ID_HEADER: Final = "X-Spm-Alert-Id"

Send = Callable[[Message], None]
"""Sends one message; whatever it raises means that it has to be sent again."""


class ReceiverError(Exception):
    """The webhook did not take a message; says what it answered."""


def topic(publish: Callable[..., object], arn: str, wording: Wording) -> Send:
    """Return what publishes to an SNS topic; attributes let subscribers filter, and tell repeats."""

    def send(message: Message) -> None:
        attributes = {name: _attribute(message[name]) for name in ("course", "level", "alert_id")}
        publish(
            TopicArn=arn,
            Subject=subject(message),
            Message=text(message, wording),
            MessageAttributes=attributes,
        )

    return send


def webhook(url: str, secret: Callable[[], str], wording: Wording) -> Send:
    """Return what posts to a webhook, signed with the secret."""

    def send(message: Message) -> None:
        body = json.dumps(for_programs(message, wording), ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "student-performance-alerts",
            ID_HEADER: str(message["alert_id"]),
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(secret(), timestamp, body),
        }
        _post(urllib.request.Request(url, data=body, headers=headers, method="POST"))  # noqa: S310 - checked at deployment: http or https

    return send


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return ``sha256=`` and the HMAC-SHA256, in hexadecimal, of the timestamp, a full stop and the body."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _post(request: urllib.request.Request) -> None:
    try:
        with _OPENER.open(request, timeout=WEBHOOK_SECONDS):
            return
    except urllib.error.HTTPError as error:
        raise ReceiverError(f"the webhook answered {error.code}") from error
    except OSError as error:
        raise ReceiverError(f"the webhook cannot be reached: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that is no success: the body is for the address that was configured."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def _attribute(value: object) -> Mapping[str, Any]:
    return {"DataType": "String", "StringValue": str(value)}
