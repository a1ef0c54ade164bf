"""Migrations as a CloudFormation custom resource: if they fail, the deployment fails.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

ANSWER_SECONDS: Final = 30
LONGEST_REASON: Final = 1_000  # characters: the whole answer may have 4,096 bytes


def answer(event: Mapping[str, Any], migrate: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Migrate on Create and Update, do nothing on Delete, and tell CloudFormation how it went.

    This always answers, because an unanswered custom resource holds a deployment for an hour.
    """
    result: dict[str, Any] = {}
    reason = ""
    if event["RequestType"] != "Delete":
        try:
            result = migrate()
        except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation has to be told
            reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    body = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason or "the schema is up to date",
        "PhysicalResourceId": event.get("PhysicalResourceId", "schema"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"SchemaVersion": str(result.get("schema_version", ""))},
    }
    _put(event["ResponseURL"], json.dumps(body).encode())
    return body


def _put(url: str, body: bytes) -> None:
    # The content type must be empty, because the presigned URL is signed with it.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - the URL is CloudFormation's
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310 - as above
        pass
