"""Makes invocations like those of a Function URL."""

import base64
from typing import Any

from portal.ingest.http import Request, read


def invocation(
    method: str, path: str, body: bytes | str = b"", query: str = "", **headers: str
) -> dict[str, Any]:
    text = isinstance(body, str)
    return {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method}},
        "body": body if isinstance(body, str) else base64.b64encode(body).decode(),
        "isBase64Encoded": not text,
    }


def request(method: str, path: str, body: bytes | str = b"", query: str = "", **headers: str) -> Request:
    return read(invocation(method, path, body, query, **headers))
