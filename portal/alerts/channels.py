"""The channels to people: an SNS topic, and a webhook with a signed body."""

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
"""Sends one message. Whatever it raises means that the message has to be sent again."""


class ReceiverError(Exception):
    """The webhook did not accept a message. The text says what it answered."""


def topic(publish: Callable[..., object], arn: str, wording: Wording) -> Send:
    """Return a channel to an SNS topic. Attributes let subscribers filter, and recognise repeats."""

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
    """Return a channel that posts to a webhook, signed with the secret."""

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
    """Treats a redirect as a failure, because the body is only for the address that was configured."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def _attribute(value: object) -> Mapping[str, Any]:
    return {"DataType": "String", "StringValue": str(value)}
