"""Database logins in Secrets Manager, in the JSON shape of RDS.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
"""

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from processor.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"

_MEANS_NOT_THERE = ("ResourceNotFoundException", "InvalidRequestException")
_MEANS_NO_RIGHTS = ("AccessDeniedException", "DecryptionFailure", "UnrecognizedClientException")


class Login(msgspec.Struct, frozen=True):
    """Where the database is, and the user to log in as."""

    host: str
    port: int
    username: str
    password: str
    dbname: str

    def __repr__(self) -> str:
        """Show everything except the password, because a repr ends up in logs and tracebacks."""
        return f"Login({self.username}@{self.host}:{self.port}/{self.dbname})"


async def read_login(secret_arn: str, stage: str) -> Login | None:
    """Return a version of the secret, or None if there is no version of that stage (yet).

    Raises TransientError if Secrets Manager does not answer, and ConfigurationError if it refuses or the
    secret has another shape.
    """
    text = await asyncio.to_thread(_read, secret_arn, stage)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Login, strict=False)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"the secret {secret_arn} is not an RDS login: {error}") from error


async def read_current_login(secret_arn: str) -> Login:
    """Return the current version of the secret. Raise as ``read_login`` does, and if there is none."""
    login = await read_login(secret_arn, CURRENT)
    if login is None:
        raise ConfigurationError(f"the secret {secret_arn} does not exist or has no value")
    return login


def _read(secret_arn: str, stage: str) -> str | None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _client

    try:
        answer = _client().get_secret_value(SecretId=secret_arn, VersionStage=stage)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MEANS_NOT_THERE:
            return None
        if code in _MEANS_NO_RIGHTS:
            raise ConfigurationError(f"the secret {secret_arn} cannot be read: {error}") from error
        raise TransientError(f"Secrets Manager: {error}") from error
    except BotoCoreError as error:
        raise TransientError(f"Secrets Manager: {error}") from error
    return answer.get("SecretString")


@cache
def _client() -> "SecretsManagerClient":
    # This is half of a cold start's imports, and is not needed again once connected, so it is loaded only
    # here.
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    patience = Config(
        connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    client: SecretsManagerClient = get_session().create_client(  # type: ignore[assignment]  # untyped by name
        "secretsmanager", config=patience
    )
    return client
