"""A provider's ID tokens and answers, made here with keys of our own and without a network."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from portal.dashboard import provider
from portal.dashboard.provider import Client, Provider, ProviderError
from portal.dashboard.session import PendingSignIn

ISSUER = "https://login.school.example"
# The verifier and challenge of RFC 7636, appendix B.
SIGN_IN = PendingSignIn("state", "nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "/")
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CLIENT = Client("dashboard", "s:e c", "https://d.example/signed-in")
KEY = RSAKey.generate_key(2048, auto_kid=True)
NEXT_KEY = RSAKey.generate_key(2048, auto_kid=True)


class Fake:
    """Answers for a provider's addresses, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.keys = KeySet([KEY])
        self.token: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/me",
        }
        self.userinfo: dict[str, Any] = {"sub": "ada", "groups": ["heads"]}

    def __call__(self, url: str, form: bytes | None = None, headers: Any = None) -> dict[str, Any]:
        self.asked.append((url, (form or b"").decode(), dict(headers or {})))
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            f"{ISSUER}/.well-known/openid-configuration": lambda: self.metadata,
            f"{ISSUER}/keys": lambda: dict(self.keys.as_dict()),
            f"{ISSUER}/token": lambda: self.token,
            f"{ISSUER}/me": lambda: self.userinfo,
        }
        return answers[url]()

    def gives(self, key: RSAKey = KEY, **changed: Any) -> None:
        claims = {
            "iss": ISSUER,
            "aud": "dashboard",
            "sub": "ada",
            "nonce": "nonce",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
        } | changed
        known = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": key.kid}, known, key)
        self.token = {"id_token": token, "access_token": "access"}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    fake.gives()
    monkeypatch.setattr(provider, "_json", fake)
    return fake


def claims(of: Provider, *wanted: str, client: Client = CLIENT) -> Any:
    return of.claims(client, SIGN_IN, "code", {"sub", *wanted})


@pytest.mark.parametrize("issuer", [ISSUER, f"{ISSUER}/", f"{ISSUER}/.well-known/openid-configuration"])
@pytest.mark.usefixtures("fake")
def test_the_browser_is_sent_with_a_challenge(issuer: str) -> None:
    address = urlsplit(Provider(issuer).sign_in_address(CLIENT, SIGN_IN))
    asked = {name: value for name, [value] in parse_qs(address.query).items()}
    assert (address.netloc, address.path) == ("login.school.example", "/authorize")
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (CHALLENGE, "S256")
    assert (asked["state"], asked["nonce"], asked["response_type"]) == ("state", "nonce", "code")
    assert asked["redirect_uri"] == CLIENT.redirect_uri
    assert "dBjft" not in address.query


def test_the_code_is_redeemed_with_the_verifier_and_the_secret(fake: Fake) -> None:
    assert claims(Provider(ISSUER))["sub"] == "ada"
    [(_, form, headers)] = [one for one in fake.asked if one[0].endswith("/token")]
    sent = {name: value for name, [value] in parse_qs(form).items()}
    assert (sent["code"], sent["code_verifier"]) == ("code", SIGN_IN.verifier)
    assert headers["Authorization"] == "Basic ZGFzaGJvYXJkOnMlM0FlK2M="  # dashboard:s%3Ae+c
    assert "client_secret" not in sent


@pytest.mark.parametrize(("secret", "sent"), [("s", {"client_secret": ["s"]}), (None, {})])
def test_a_client_names_itself_in_the_form_if_the_provider_wants_that(
    fake: Fake, secret: str | None, sent: dict[str, list[str]]
) -> None:
    fake.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    claims(Provider(ISSUER), client=CLIENT._replace(secret=secret))
    [(_, form, headers)] = [one for one in fake.asked if one[0].endswith("/token")]
    given = parse_qs(form)
    assert "Authorization" not in headers
    assert given["client_id"] == ["dashboard"]
    assert {name: value for name, value in given.items() if name == "client_secret"} == sent


@pytest.mark.parametrize(
    "changed",
    [
        *({"iss": "https://evil.example"}, {"aud": "other"}, {"aud": None}, {"nonce": "other"}),
        *({"nonce": None}, {"exp": 1}, {"exp": None}, {"sub": None}, {"iat": 2**33}),
        {"aud": ["dashboard", "other"], "azp": "other"},
    ],
    ids=str,
)
def test_a_token_for_somebody_else_or_another_time_is_refused(fake: Fake, changed: dict[str, Any]) -> None:
    fake.gives(**changed)
    with pytest.raises(ProviderError):
        claims(Provider(ISSUER))


def test_a_token_signed_by_nobody_or_with_the_secret_is_refused(fake: Fake) -> None:
    good = fake.token["id_token"]
    body = good.split(".")[1]
    shared = jwt.encode({"alg": "HS256"}, {"sub": "ada"}, OctKey.import_key("x" * 32))
    fake.gives(key=NEXT_KEY)
    for token in (f"eyJhbGciOiJub25lIn0.{body}.", shared, good[:-8], "", "x.y.z", fake.token["id_token"]):
        fake.token["id_token"] = token
        with pytest.raises(ProviderError, match="ID token"):
            claims(Provider(ISSUER))


def test_keys_are_kept_and_read_again_for_a_new_one(fake: Fake) -> None:
    one = Provider(ISSUER)
    for _ in range(3):
        claims(one)
    assert len([url for url, *_ in fake.asked if url.endswith("/keys")]) == 1
    fake.keys = KeySet([KEY, NEXT_KEY])
    fake.gives(key=NEXT_KEY)
    assert claims(one)["sub"] == "ada"
    assert len([url for url, *_ in fake.asked if url.endswith("/keys")]) == 2
    assert len([url for url, *_ in fake.asked if "well-known" in url]) == 1


def test_what_it_publishes_is_read_again_after_an_hour(fake: Fake) -> None:
    now = [0.0]
    one = Provider(ISSUER, lambda: now[0])
    claims(one)
    now[0] = provider.FRESH_SECONDS + 1
    claims(one)
    assert len([url for url, *_ in fake.asked if "well-known" in url]) == 2


def test_a_claim_that_the_token_lacks_is_asked_for(fake: Fake) -> None:
    assert "groups" not in claims(Provider(ISSUER))
    assert claims(Provider(ISSUER), "groups")["groups"] == ["heads"]
    assert fake.asked[-1][2] == {"Authorization": "Bearer access"}
    fake.userinfo["sub"] = "eve"
    with pytest.raises(ProviderError, match="different people"):
        claims(Provider(ISSUER), "groups")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"issuer": "https://evil.example"}, "belongs to https://evil.example"),
        ({"token_endpoint": "http://login.school.example/token"}, "no token_endpoint that begins with https"),
        ({"jwks_uri": None}, "no jwks_uri"),
    ],
)
def test_a_discovery_document_that_cannot_be_trusted_is_refused(
    fake: Fake, changed: dict[str, Any], message: str
) -> None:
    fake.metadata |= changed
    with pytest.raises(ProviderError, match=message):
        claims(Provider(ISSUER))
