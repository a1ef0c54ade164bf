"""The front door of a stack: its address as this machine reaches it, and who may send there."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from portal.ingest import senders
from portal.ingest.senders import RegisteredSender, Senders
from spm.errors import InputError, StackNotFoundError

if TYPE_CHECKING:
    from spm.aws.stack import Aws, Stack

MOST_BYTES: Final = 60_000
"""Secrets Manager keeps 64 KiB in a secret: some 400 senders."""


def address(url: str, endpoint_url: str) -> str:
    """Return the address to send to: on the embedded cloud the output's own leads nowhere.

    MiniStack serves it under the name that it would have on LocalStack, by the Host header.
    """
    parts = urlsplit(url)
    name, on_aws, _ = (parts.hostname or "").partition(".on.aws")
    if not on_aws or ".amazonaws.com" in endpoint_url:
        return url
    return f"http://{name}.localhost:{urlsplit(endpoint_url).port}/"


def read(aws: "Aws", stack: "Stack") -> Senders:
    """Return who may send; raise StackNotFoundError where nobody can."""
    text = aws.secrets.get_secret_value(SecretId=_secret(stack))["SecretString"]
    return senders.read(text)


def add(aws: "Aws", stack: "Stack", name: str, student_id: str | None, keys: str | None) -> str:
    """Let somebody send; return the secret, kept nowhere. Raises InputError for a name that is taken."""
    known = dict(read(aws, stack))
    if name in known:
        raise InputError(f"there is a sender {name}: choose another name, or revoke that one first")
    secret = senders.new_secret()
    known[name] = RegisteredSender(senders.hashed(secret), student_id, keys)
    _write(aws, stack, known)
    return secret


def revoke(aws: "Aws", stack: "Stack", name: str) -> None:
    """Let somebody send no more; raise InputError for a name that nobody has."""
    known = dict(read(aws, stack))
    if known.pop(name, None) is None:
        raise InputError(f"there is no sender {name}: `spm senders list` names them")
    _write(aws, stack, known)


def _write(aws: "Aws", stack: "Stack", known: Senders) -> None:
    text = senders.write(known)
    if len(text) > MOST_BYTES:
        raise InputError(f"there are {len(known):,} senders, more than one secret holds: revoke some first")
    aws.secrets.put_secret_value(SecretId=_secret(stack), SecretString=text)


def _secret(stack: "Stack") -> str:
    if stack.senders_arn is None:
        raise StackNotFoundError(f"stack {stack.name} takes nothing over HTTP: deploy it with -c ingest=true")
    return stack.senders_arn
