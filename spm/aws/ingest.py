"""Who may send to the front door of a stack."""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from portal.ingest import senders
from portal.ingest.senders import RegisteredSender, Senders
from spm.errors import InputError, StackNotFoundError

if TYPE_CHECKING:
    from spm.aws.stack import Aws, Stack

MOST_BYTES: Final = 60_000
"""Secrets Manager keeps 64 KiB in a secret, which is enough for about 400 senders."""

ATTEMPTS: Final = 20
NEXT: Final = "SPM_NEXT"
"""The stage of a version that was written but is not current yet."""


def read(aws: "Aws", stack: "Stack") -> Senders:
    """Return who may send. Raise StackNotFoundError if nobody can."""
    text = aws.secrets.get_secret_value(SecretId=_secret(stack))["SecretString"]
    return senders.read(text)


def add(aws: "Aws", stack: "Stack", name: str, student_id: str | None, keys: str | None) -> str:
    """Let somebody send, and return the secret, which is not kept. Raise InputError if the name is taken."""
    secret = senders.new_secret()

    def change(known: Senders) -> Senders:
        if name in known:
            raise InputError(f"there is a sender {name}: choose another name, or revoke that one first")
        return {**known, name: RegisteredSender(senders.hashed(secret), student_id, keys)}

    _change(aws, stack, change)
    return secret


def revoke(aws: "Aws", stack: "Stack", name: str) -> None:
    """Stop somebody from sending. Raise InputError if nobody has the name."""

    def change(known: Senders) -> Senders:
        if name not in known:
            raise InputError(f"there is no sender {name}: see `spm senders list`")
        return {other: sender for other, sender in known.items() if other != name}

    _change(aws, stack, change)


def _change(aws: "Aws", stack: "Stack", change: Callable[[Senders], Senders]) -> None:
    """Write the changed senders. If somebody else wrote in the meantime, read them again and try once more.

    Secrets Manager moves AWSCURRENT only from the version that we say has it, so that two who write at once
    are told: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    """
    arn = _secret(stack)
    for _ in range(ATTEMPTS):
        current = aws.secrets.get_secret_value(SecretId=arn)
        text = _text(change(senders.read(current["SecretString"])))
        written = aws.secrets.put_secret_value(SecretId=arn, SecretString=text, VersionStages=[NEXT])
        try:
            aws.secrets.update_secret_version_stage(
                SecretId=arn,
                VersionStage="AWSCURRENT",
                MoveToVersionId=written["VersionId"],
                RemoveFromVersionId=current["VersionId"],
            )
        except aws.secrets.exceptions.InvalidParameterException:
            time.sleep(random.uniform(0, 0.2))  # noqa: S311  # spreads out those who met
        else:
            return
    raise InputError("others keep changing the senders: nothing was changed, so try again")


def _text(known: Senders) -> str:
    text = senders.write(known)
    if len(text) > MOST_BYTES:
        raise InputError(
            f"there are {len(known):,} senders, which is more than one secret holds: revoke some first"
        )
    return text


def _secret(stack: "Stack") -> str:
    if stack.senders_arn is None:
        raise StackNotFoundError(
            f"stack {stack.name} accepts no events over HTTP: deploy it with -c ingest=true"
        )
    return stack.senders_arn
