"""Who may send: names and what their secrets hash to, as the secret of Secrets Manager holds them. Pure.

A secret is 256 random bits, so that one round of SHA-256 keeps it: there is nothing to guess from.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
"""As on the stream, but without a dot: in a token it stands between name and secret."""

CANVAS_KEYS: Final = "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks"
"""Where hosted Canvas publishes what it signs Live Events with; it changes every month."""

_NOBODY: Final = hashlib.sha256(b"nobody").hexdigest()


class RegisteredSender(Struct, frozen=True, omit_defaults=True):
    """``student_id``: which field of an actor is the student id; ``keys``: where what signs its events is."""

    sha256: str
    student_id: str | None = None
    keys: str | None = None


Senders = Mapping[str, RegisteredSender]

_decode: Final = msgspec.json.Decoder(dict[str, RegisteredSender]).decode


def read(text: str) -> Senders:
    """Return the senders by name. Raise ValueError if the text holds something else."""
    return _decode(text)


def write(senders: Senders) -> str:
    """Return what ``read`` reads."""
    return msgspec.json.encode(senders).decode()


def new_secret() -> str:
    """Return a secret of 43 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def token(name: str, secret: str) -> str:
    """Return name and secret in one, for where there is room for one word only."""
    return f"{name}.{secret}"


def find(senders: Senders, name: str, secret: str) -> RegisteredSender | None:
    """Return the sender with this name and secret; takes as long for a name that nobody has."""
    sender = senders.get(name)
    same = hmac.compare_digest(sender.sha256 if sender else _NOBODY, hashed(secret))
    return sender if same else None
