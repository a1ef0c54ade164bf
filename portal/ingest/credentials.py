"""Who sends a request: the credential in it, compared with the senders that Secrets Manager holds."""

import binascii
import time
from base64 import b64decode
from collections.abc import Callable
from typing import Final, NamedTuple

from portal.ingest import senders
from portal.ingest.http import Refusal, Request
from portal.ingest.senders import RegisteredSender, Senders

FRESH_SECONDS: Final = 20.0
STALE_SECONDS: Final = 50.0
"""How long the senders may be remembered, so that a revoked sender is refused within a minute."""

AGAIN_SECONDS: Final = 2.0
"""How soon an unknown credential makes us read the senders again, so that a new one works at once."""

_ASK: Final = {"www-authenticate": 'Basic realm="ingest", charset="UTF-8"'}


class Credential(NamedTuple):
    """A name and a secret, as they were sent."""

    name: str
    secret: str


class Register:
    """The senders, read again every FRESH_SECONDS.

    ``fetch`` returns the secret's text. Whatever it raises means that the secret cannot be read now.
    """

    def __init__(self, fetch: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._senders: Senders = {}
        self._read_at = float("-inf")

    def sender(self, credential: Credential) -> RegisteredSender:
        """Return who has this credential. Raise Refusal 401, or 503 while the senders cannot be read."""
        self._refresh(FRESH_SECONDS)
        found = senders.find(self._senders, *credential)
        if found is None:
            self._refresh(AGAIN_SECONDS)
            found = senders.find(self._senders, *credential)
        if found is None:
            raise unknown()
        return found

    def _refresh(self, older_than: float) -> None:
        age = self._clock() - self._read_at
        if age < older_than:
            return
        try:
            self._senders = senders.read(self._fetch())
            self._read_at = self._clock()
        except Exception as error:
            if age > STALE_SECONDS:
                retry = {"retry-after": "10"}
                raise Refusal(503, "senders cannot be checked now: send it again", headers=retry) from error


def credential(request: Request) -> Credential:
    """Return the credential in the request. Raise Refusal 401 if there is none that can be read.

    It is Basic with name and secret, or NAME.SECRET as Bearer, or as ``?token=`` for a sender that can only
    be given an address.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, colon, secret = b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise unknown() from error
        if colon:
            return Credential(name, secret)
    word = value.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
    name, dot, secret = word.partition(".")
    if not dot:
        raise unknown()
    return Credential(name, secret)


def unknown() -> Refusal:
    """Return the refusal of an unknown sender. It does not say what was wrong."""
    return Refusal(
        401,
        "send a sender's name and secret as Basic, or NAME.SECRET as Bearer: `spm senders add` makes both",
        headers=_ASK,
    )
