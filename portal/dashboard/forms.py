"""Makes sure that a change comes from our own form, on our own page, from the visitor who was given it."""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL
from starlette.requests import Request

LONGEST_BODY: Final = 20_000
TOKEN: Final = "token"  # noqa: S105 - the field's name


class FormError(Exception):
    """The form asks for something that cannot be done. Nothing was done."""

    status = HTTPStatus.BAD_REQUEST


class ForgedError(FormError):
    """The form was not sent from a page that this visitor was given. Nothing was done."""

    status = HTTPStatus.FORBIDDEN


class Forms:
    """Makes and checks the tokens of forms. Each is valid for one address and one visitor.

    ``visitor`` returns what distinguishes the visitor from all others, such as the subject of a session.
    """

    def __init__(self, key: bytes, visitor: Callable[[Request], str] = lambda _: "") -> None:
        self._key = key
        self._visitor = visitor

    def token(self, request: Request, action: str) -> str:
        """Return what the form with this action carries."""
        return hmac.new(self._key, f"{self._visitor(request)}\0{action}".encode(), sha256).hexdigest()

    async def read(self, request: Request) -> Mapping[str, str]:
        """Return the fields. Raise ForgedError if another site made the browser send them."""
        body = await request.body()
        if len(body) > LONGEST_BODY:
            raise FormError("The form is longer than any form of this dashboard.")
        fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        is_ours = hmac.compare_digest(
            fields.get(TOKEN, "").encode(errors="replace"), self.token(request, action_of(request)).encode()
        )
        if not is_ours or not _is_of_this_site(request):
            raise ForgedError("This did not come from a page of this dashboard, or that page is too old.")
        return fields


def action_of(request: Request) -> str:
    """Return the address relative to the dashboard, in one spelling whatever happened to it on its way."""
    query = urlencode(request.query_params.multi_items())
    return f"{request.url.path.rpartition('/')[2]}?{query}".removesuffix("?")


def _is_of_this_site(request: Request) -> bool:
    """Believe the browser (https://www.w3.org/TR/fetch-metadata/). An older one names only the origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return URL(request.headers.get("origin", "")).netloc == request.headers.get("host", "")
