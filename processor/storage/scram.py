"""SCRAM verifiers: what PostgreSQL keeps of a password, made here, so that the password never reaches it.

https://www.rfc-editor.org/rfc/rfc5802#section-3, https://www.rfc-editor.org/rfc/rfc7677, and as text
https://www.rfc-editor.org/rfc/rfc5803 in the form of pg_authid.rolpassword:
https://www.postgresql.org/docs/current/catalog-pg-authid.html
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from processor.errors import ConfigurationError

ITERATIONS: Final = 4096  # PostgreSQL's own, and what RFC 7677 asks for at least
SALT_BYTES: Final = 16


def verifier(password: str) -> str:
    """Return a verifier of the password with a new salt.

    Raises ConfigurationError for what SASLprep would change or forbid, which clients disagree about.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ConfigurationError("a login's password must be of printable ASCII characters: set another")
    salt = secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
