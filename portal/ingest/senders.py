"""Who may send: names and hashes of their secrets, as Secrets Manager holds them. Pure.

A secret is 256 random bits, so one round of SHA-256 protects it: nobody can guess it.
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
"""As on the stream, but without a dot, which separates name and secret in a token."""

CANVAS_KEYS: Final = "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks"
"""Where hosted Canvas publishes the keys that sign Live Events. They change every month."""

_NOBODY: Final = hashlib.sha256(b"nobody").hexdigest()


class RegisteredSender(Struct, frozen=True, omit_defaults=True):
    """A sender. ``student_id`` is the actor's field with the student id, ``keys`` the address of its keys."""

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
    """Return the hash that is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def token(name: str, secret: str) -> str:
    """Return name and secret as one word."""
    return f"{name}.{secret}"


def find(senders: Senders, name: str, secret: str) -> RegisteredSender | None:
    """Return the sender with this name and secret. It takes as long for a name that nobody has."""
    sender = senders.get(name)
    same = hmac.compare_digest(sender.sha256 if sender else _NOBODY, hashed(secret))
    return sender if same else None
