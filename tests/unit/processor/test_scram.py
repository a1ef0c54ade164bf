"""Password verifiers, compared with the example of RFC 7677."""

import base64
import hashlib
import hmac
import secrets

import pytest

from processor.errors import ConfigurationError
from processor.storage import scram

# https://www.rfc-editor.org/rfc/rfc7677#section-3 has an exchange with this salt. The verifier's keys must
# produce its proof and its signature.
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="


def test_of_rfc_7677(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda _: base64.b64decode(SALT))
    iterations, keys = scram.verifier("pencil").removeprefix("SCRAM-SHA-256$").split("$")
    assert iterations == f"4096:{SALT}"
    stored_key, server_key = (base64.b64decode(key) for key in keys.split(":"))
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={SALT},i=4096,c=biws,r={nonce}".encode()
    signature = hmac.digest(server_key, said, "sha256")
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored_key, said, "sha256"), strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key


def test_a_salt_is_not_used_again() -> None:
    assert scram.verifier("pencil") != scram.verifier("pencil")


@pytest.mark.parametrize("password", ["", "Grüße", "a\nb", "a\0b", "\ud800"])
def test_what_clients_prepare_differently_is_refused(password: str) -> None:
    with pytest.raises(ConfigurationError, match="printable ASCII"):
        scram.verifier(password)
