"""Lets only those see the dashboard who hold the address that was printed on the machine that serves it.

A page of another site may reach a server on loopback, even by its own name (DNS rebinding). So requests that
do not name this host in this way are refused, and so are requests from another origin.
"""

import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

Next = Callable[[Request], Awaitable[Response]]


class LocalDoor:
    """Accepts the token once, and from then on the cookie that replaced it."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._cookie = secrets.token_urlsafe(24)
        self._name = f"spm-{port}"  # the ports of a host share cookies
        self._hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost")}
        self._is_used = False

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on, or refuse it, as a function of Starlette's BaseHTTPMiddleware."""
        if request.headers.get("host", "") not in self._hosts:
            return _refused(403, "This dashboard answers only to the address that was printed.")
        origin = request.headers.get("origin")
        if origin is not None and URL(origin).netloc not in self._hosts:
            return _refused(403, "Another site asked for this. Nothing was done.")
        if self._brings_cookie(request):
            return await call_next(request)
        if not self._is_used and _are_equal(request.query_params.get("token", ""), self.token):
            self._is_used = True
            answer = RedirectResponse(".", status_code=303)
            answer.set_cookie(self._name, self._cookie, httponly=True, samesite="strict")
            return answer
        return _refused(
            401, "Open the address that was printed. It works once; after that, start the dashboard again."
        )

    def _brings_cookie(self, request: Request) -> bool:
        return _are_equal(request.cookies.get(self._name, ""), self._cookie)


def _are_equal(given: str, secret: str) -> bool:
    """Compare in constant time. compare_digest accepts only ASCII texts."""
    return compare_digest(given.encode(errors="surrogateescape"), secret.encode())


def _refused(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status, headers={"Cache-Control": "no-store"})
