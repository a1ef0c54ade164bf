"""The requests that a Function URL hands over, and the answers and refusals that it takes back. No I/O.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html (payload format 2.0)
"""

import binascii
import json
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

MOST_BYTES: Final = 6 * 2**20
"""Lambda's own limit of a request. A compressed body must also stay within it when it is unpacked."""

_CHARSET: Final = re.compile(r'charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
_UTF_8: Final = frozenset(("utf-8", "utf8", "us-ascii"))
_GZIP: Final = 16 + zlib.MAX_WBITS


class Refusal(Exception):
    """The request gets an error. The message says what to do, and holds nothing of what was sent."""

    def __init__(
        self,
        status: int,
        message: str,
        problems: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems
        self.headers = headers or {}


class Request(NamedTuple):
    """A request with its body unpacked. Names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type of the body without parameters. It is empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class HttpAnswer(NamedTuple):
    """What the client gets. ``content`` becomes JSON; without it there is no body."""

    status: int
    content: object = None
    headers: Mapping[str, str] = {}


def read(event: Mapping[str, Any]) -> Request:
    """Return the request of an invocation. Raise Refusal if its body cannot be read."""
    context = event["requestContext"]["http"]
    headers = {name.lower(): str(value) for name, value in event.get("headers", {}).items()}
    query = dict(parse_qsl(event.get("rawQueryString", ""), keep_blank_values=True))
    request = Request(context["method"], event.get("rawPath") or "/", query, headers, _bytes(event))
    charset = _CHARSET.search(headers.get("content-type", ""))
    if charset and charset[1].lower() not in _UTF_8:
        raise Refusal(415, "the body must be UTF-8: convert it, and send charset=utf-8 or no charset")
    return request._replace(body=_unpacked(request))


def response(answer: HttpAnswer) -> dict[str, object]:
    """Return an answer for the Function URL. Without a ``body``, LocalStack would send the whole answer."""
    body = "" if answer.content is None else json.dumps(answer.content, ensure_ascii=False)
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
    return {
        "statusCode": answer.status,
        "headers": {**headers, "x-content-type-options": "nosniff", **answer.headers},
        "body": body,
    }


def refused(refusal: Refusal) -> HttpAnswer:
    """Return the answer to a request that was refused."""
    content: dict[str, object] = {"error": refusal.message}
    if refusal.problems:
        content["problems"] = list(refusal.problems)
    return HttpAnswer(refusal.status, content, refusal.headers)


def _bytes(event: Mapping[str, Any]) -> bytes:
    sent: str = event.get("body") or ""
    try:
        data = b64decode(sent, validate=True) if event.get("isBase64Encoded") else sent.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Refusal(400, "the body did not arrive as it was sent: send it again") from error
    if len(data) > MOST_BYTES:
        raise _too_large()
    return data


def _unpacked(request: Request) -> bytes:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return request.body
    if coding not in ("gzip", "x-gzip"):
        raise Refusal(415, "send the body as it is, or as one gzip stream (Content-Encoding: gzip)")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(request.body, MOST_BYTES + 1)
    except zlib.error as error:
        raise Refusal(400, "the body is not a gzip stream, although Content-Encoding says so") from error
    if len(data) > MOST_BYTES:
        raise _too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal(400, "the body must be one complete gzip stream with nothing after it")
    return data


def _too_large() -> Refusal:
    limit = f"{MOST_BYTES // 2**20} MiB"
    return Refusal(413, f"an unpacked body may have {limit}: send it in parts, for example of 1,000 events")
