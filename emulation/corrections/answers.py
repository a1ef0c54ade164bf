"""Answers in MiniStack's own shape: status, headers and body."""

from typing import Any, Final

from ministack.core import responses  # type: ignore[import-untyped]  # MiniStack ships no types

Response = tuple[int, dict[str, str], Any]

SUCCESS: Final = 200


def answer(content: dict[str, Any], status: int = SUCCESS) -> Response:
    """Return a JSON answer."""
    response: Response = responses.json_response(content, status)
    return response


def refuse(code: str, message: str, status: int = 400) -> Response:
    """Return an error as AWS's SDKs read it."""
    response: Response = responses.error_response_json(code, message, status)
    return response
