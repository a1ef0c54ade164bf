"""One line on what to do about the errors that AWS and its SDK raise."""

import re
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
)
EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
NEWCOMER: Final = "no embedded cloud is running: start one in another terminal with: spm local"
"""What somebody without an AWS account probably forgot."""
ACTION: Final = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")


def explain(error: BotoCoreError | ClientError) -> str:
    """Say what happened and what to do. A missing right is named by its IAM action."""
    if isinstance(error, ClientError):
        return _explain_answer(error)
    if isinstance(error, NoCredentialsError):
        return f"no AWS credentials: {NEWCOMER}, or set AWS_PROFILE, or sign in"
    if isinstance(error, NoRegionError):
        return f"no AWS region: {NEWCOMER}, or set AWS_REGION, or choose a profile that has one"
    if isinstance(error, ProfileNotFound):
        return f"{error}: see ~/.aws/config, or set AWS_PROFILE to one that exists"
    if isinstance(error, EndpointConnectionError):
        return f"{error}: is it running, and is AWS_ENDPOINT_URL right?"
    return str(error)


def _explain_answer(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code in DENIED:
        found = ACTION.search(message)
        action = found.group(1) if found else error.operation_name
        return f"no right to {action}: ask for the stack's readers or operators policy (reference.md, Rights)"
    if code in EXPIRED:
        return f"the AWS credentials are not valid ({code}): sign in again"
    return f"{error.operation_name}: {message or code}"
