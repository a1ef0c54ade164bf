"""A school's sign-in by OpenID Connect: where to send a browser, and who it is when it comes back.

The authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636).
"""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal.dashboard.session import PendingSignIn

DISCOVERY: Final = "/.well-known/openid-configuration"
SCOPE: Final = "openid profile email"
FRESH_SECONDS: Final = 3600.0
PATIENCE: Final = 5.0  # seconds
LEEWAY: Final = 60  # seconds that clocks may differ
MOST_BYTES: Final = 2**20

# A provider signs with its own key, never with a shared secret and never with nothing.
ALGORITHMS: Final = [f"{kind}{size}" for kind in ("RS", "PS", "ES") for size in (256, 384, 512)]

Claims = Mapping[str, Any]


class ProviderError(Exception):
    """The provider could not be asked, refused, or gave an untrustworthy answer. One line says why."""


class Client(NamedTuple):
    """How the dashboard is registered. ``secret`` is None for a public client, which has only PKCE."""

    client_id: str
    secret: str | None
    redirect_uri: str


class Provider:
    """One issuer. Its document is read again every hour, and its keys when a key is not known."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer.removesuffix(DISCOVERY).rstrip("/")
        self._clock = clock
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = float("-inf")

    def sign_in_address(self, client: Client, sign_in: PendingSignIn) -> str:
        """Return where the browser signs in, or raise ProviderError."""
        challenge = hashlib.sha256(sign_in.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": SCOPE,
            "state": sign_in.state,
            "nonce": sign_in.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    def claims(self, client: Client, sign_in: PendingSignIn, code: str, wanted: set[str]) -> Claims:
        """Return what the provider says about whoever brought the code, or raise ProviderError.

        ``wanted`` are claims for which the provider is asked again if the ID token lacks them.
        """
        tokens = self._redeem(client, sign_in, code)
        claims = self._verified(str(tokens.get("id_token", "")), client, sign_in.nonce)
        if wanted <= claims.keys() or "userinfo_endpoint" not in self._metadata():
            return claims
        bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        more = _json(self._endpoint("userinfo_endpoint"), headers=bearer)
        if more.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, section 5.3.2
            raise ProviderError("its userinfo and its ID token are about different people")
        return {**more, **claims}

    def _redeem(self, client: Client, sign_in: PendingSignIn, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": sign_in.verifier,
        }
        headers = {}
        methods = self._metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if client.secret and "client_secret_basic" in methods:
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.secret)}"  # RFC 6749, section 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = client.client_id
            form |= {"client_secret": client.secret} if client.secret else {}
        return _json(self._endpoint("token_endpoint"), urlencode(form).encode(), headers)

    def _verified(self, token: str, client: Client, nonce: str) -> Claims:
        """Return the claims of an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            claims = self._signed(token)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": self._metadata()["issuer"]},
                aud={"essential": True, "value": client.client_id},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
                sub={"essential": True},
            ).validate(dict(claims))
        except (JoseError, ValueError) as error:
            raise ProviderError(f"its ID token is not valid ({error})") from error
        if claims.get("azp", client.client_id) != client.client_id:
            raise ProviderError("its ID token was made for another client")
        return claims

    def _signed(self, token: str) -> Claims:
        """Return what one of the provider's keys signed. An unknown key may be a new one."""
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            self._keys = None
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS).claims

    def _key_set(self) -> KeySet:
        self._metadata()
        if self._keys is None:
            published: Any = _json(self._endpoint("jwks_uri"))
            try:
                self._keys = KeySet.import_key_set(published)
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderError(f"its keys cannot be read ({error})") from error
        return self._keys

    def _endpoint(self, name: str) -> str:
        address, scheme = str(self._metadata().get(name, "")), self._issuer.partition("://")[0]
        if not address.startswith(f"{scheme}://"):
            raise ProviderError(f"its discovery document names no {name} that begins with {scheme}://")
        return address

    def _metadata(self) -> dict[str, Any]:
        if self._clock() - self._read_at > FRESH_SECONDS:
            known = _json(f"{self._issuer}{DISCOVERY}")
            if str(known.get("issuer", "")).rstrip("/") != self._issuer:
                raise ProviderError(f"its discovery document belongs to {known.get('issuer')}")
            self._known, self._keys, self._read_at = known, None, self._clock()
        return self._known


def _json(url: str, form: bytes | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object with which an address answers, or raise ProviderError."""
    request = urllib.request.Request(url, form, {"Accept": "application/json", **(headers or {})})  # noqa: S310  # the configured issuer's, or looked at by _endpoint
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  # as above
            content = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise ProviderError(f"{url} answered {error.code}{_told(error)}") from error
    except (OSError, ValueError) as error:
        raise ProviderError(f"{url} gave no answer ({getattr(error, 'reason', error)})") from error
    if not isinstance(content, dict):
        raise ProviderError(f"{url} did not answer with a JSON object")
    return content


def _told(error: urllib.error.HTTPError) -> str:
    """Return the error that the provider names (RFC 6749, section 5.2), as it ends a message."""
    try:
        with error:
            told = json.loads(error.read(MOST_BYTES))
        words = [str(told[name])[:200] for name in ("error", "error_description") if name in told]
    except (OSError, ValueError, TypeError):
        words = []
    return "".join(f", {word}" for word in words)
