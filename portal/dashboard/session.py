"""What a browser keeps between requests: who is signed in, or which sign-in is in progress. Pure.

Both are signed tokens in the same cookie, because LocalStack passes on only one cookie per answer.
"""

import hmac
import time
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

LONGEST: Final = 8 * 3600
"""Seconds after which everybody has to sign in again."""

IDLE: Final = 3600
"""Seconds after the last page at which a session ends."""

SIGN_IN: Final = 600
"""Seconds that a sign-in at the provider may take."""

_ALGORITHM: Final = "HS256"

T = TypeVar("T")


class Visitor(Struct, frozen=True, tag="visitor"):
    """Who is signed in. ``subject`` is the id in the roster, ``began`` the Unix time of the sign-in."""

    subject: str
    is_administrator: bool
    began: float


class PendingSignIn(Struct, frozen=True, tag="sign-in"):
    """What the provider's answer is compared with, and the page that was asked for.

    ``state`` ties the answer to this browser, ``nonce`` the ID token to this sign-in, ``verifier`` the code
    to whoever asked for it (RFC 7636).
    """

    state: str
    nonce: str
    verifier: str
    page: str


class Signer:
    """Signs what a cookie holds, and reads what it has signed itself, as long as that is valid.

    ``form_key`` is a separate key for what forms carry, the same in all processes.
    """

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        self._key = OctKey.import_key(key)
        self.form_key = hmac.digest(key.encode(), b"forms", "sha256")
        self.now = now

    def keep_visitor(self, visitor: Visitor) -> str:
        """Return a session's token, which is valid for an hour from now and for eight from its beginning."""
        return self._sign(visitor, min(self.now() + IDLE, visitor.began + LONGEST))

    def keep_sign_in(self, sign_in: PendingSignIn) -> str:
        """Return the token of a sign-in that is in progress."""
        return self._sign(sign_in, self.now() + SIGN_IN)

    def read(self, token: str, kind: type[T]) -> T | None:
        """Return what the token holds, or None if it is expired, of another kind, or not ours."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            registry = jwt.JWTClaimsRegistry(now=lambda: int(self.now()), exp={"essential": True})
            registry.validate(claims)
            return msgspec.convert(claims["content"], kind)
        except (JoseError, ValueError, KeyError):
            return None

    def _sign(self, content: Struct, until: float) -> str:
        claims = {"content": msgspec.to_builtins(content), "exp": int(until)}
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)
