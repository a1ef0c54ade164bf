"""How hosted Canvas signs Live Events: each is the payload of a JWT, by keys that change every month.

https://guides.instructure.com/m/4214/l/1245281-how-do-i-configure-and-test-canvas-live-events-using-https-delivery
"""

import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from portal.ingest.http import Refusal

FRESH_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 60.0
"""How soon an unknown key makes us read the keys again."""

MOST_BYTES: Final = 2**18
PATIENCE: Final = 3.0  # seconds


class Keys:
    """The public keys of one address. A key that is no longer there signs nothing."""

    def __init__(self, fetch: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Any = None
        self._read_at = float("-inf")

    def payload(self, token: bytes) -> bytes:
        """Return what was signed. Raise Refusal 403 if none of today's keys signed it, or 503 without any."""
        from joserfc.errors import JoseError  # noqa: PLC0415  # only Canvas's events pay for its import

        for older_than in (FRESH_SECONDS, AGAIN_SECONDS):
            self._refresh(older_than)
            try:
                return _verified(token, self._keys)
            except (JoseError, ValueError):
                continue
        raise Refusal(
            403,
            "this is not a JWT, or no key that Canvas publishes today signed it: switch on signing in the"
            " subscription, or add the sender without --signed",
        )

    def _refresh(self, older_than: float) -> None:
        if self._clock() - self._read_at < older_than:
            return
        from joserfc.jwk import KeySet  # noqa: PLC0415  # see payload

        try:
            self._keys = KeySet.import_key_set(_json(self._fetch()))
        except Exception as error:
            if self._keys is None or older_than == FRESH_SECONDS:
                message = "the keys that Canvas signs with cannot be read now: send it again"
                raise Refusal(503, message, headers={"retry-after": "30"}) from error
        else:
            self._read_at = self._clock()


def fetch(url: str) -> bytes:
    """Return the content of an https address."""
    if not url.startswith("https://"):
        raise ValueError("keys are read over https only")
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # https, looked at above
        data: bytes = answer.read(MOST_BYTES)
    return data


def _verified(token: bytes, keys: Any) -> bytes:  # noqa: ANN401  # joserfc's KeySet, imported late
    from joserfc import jws  # noqa: PLC0415  # see payload

    return jws.deserialize_compact(token.strip(), keys, algorithms=["RS256"]).payload


def _json(data: bytes) -> Any:  # noqa: ANN401  # whatever is there
    import json  # noqa: PLC0415  # see payload

    return json.loads(data)
