"""What changes something is asked for by a form of ours, which whoever was given it sends from our page."""

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
    """A form that asks for what cannot be done; nothing was."""

    status = HTTPStatus.BAD_REQUEST


class ForgedError(FormError):
    """A form that was not sent from a page that this visitor was given; nothing was done."""

    status = HTTPStatus.FORBIDDEN


class Forms:
    """Makes and checks the tokens of forms; each is good for one address and one visitor.

    ``visitor``: what tells the one who asks from all others, for example the subject of a session.
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
            raise FormError("The form is longer than any of this dashboard.")
        fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        is_ours = hmac.compare_digest(
            fields.get(TOKEN, "").encode(errors="replace"), self.token(request, action_of(request)).encode()
        )
        if not is_ours or not _is_of_this_site(request):
            raise ForgedError(
                "This was not asked for from a page of this dashboard, or that page is too old."
            )
        return fields


def action_of(request: Request) -> str:
    """Return the address relative to the dashboard's, spelled the same whatever the way here did to it."""
    query = urlencode(request.query_params.multi_items())
    return f"{request.url.path.rpartition('/')[2]}?{query}".removesuffix("?")


def _is_of_this_site(request: Request) -> bool:
    """Believe the browser (https://www.w3.org/TR/fetch-metadata/); an older one only names the origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return URL(request.headers.get("origin", "")).netloc == request.headers.get("host", "")
