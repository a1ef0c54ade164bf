"""Decides who may see the deployed dashboard: people whom the school's sign-in knows, each their own part."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from portal.dashboard.app import HEADERS, Dashboard, Link
from portal.dashboard.provider import Client, Provider, ProviderError
from portal.dashboard.rights import TEACHERS, Mapped, NobodyError, is_administrator, subject_of
from portal.dashboard.session import PendingSignIn, Signer, Visitor

COOKIE: Final = "__Host-dashboard"
"""A browser accepts it only from this host, over https, for all paths (RFC 6265bis, section 4.1.3.2)."""

SIGN_IN: Final = "/sign-in"
SIGNED_IN: Final = "/signed-in"
SIGN_OUT: Final = "/sign-out"
OPEN: Final = (SIGN_IN, SIGNED_IN, SIGN_OUT)
STATIC: Final = "/static/"

AGAIN: Final = Link(f".{SIGN_IN}", "Sign in")
HOME: Final = Link(".", "Your courses")
ASK: Final = "If that is wrong, ask whoever looks after the school’s sign-in."

Next = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


class Registration(NamedTuple):
    """How the dashboard is registered. ``secret`` is called for each sign-in, so that it may change."""

    provider: Provider
    client_id: str
    secret: Callable[[], str | None]
    mapped: Mapped


class SignIn:
    """The guard before all pages, and the routes that lead past it.

    ``registration`` is None as long as nobody can sign in. ``address`` is where people reach the dashboard;
    without it, the name that a request has.
    """

    def __init__(
        self,
        dashboard: Dashboard,
        signer: Signer,
        registration: Registration | None,
        address: str | None = None,
    ) -> None:
        self._dashboard = dashboard
        self._signer = signer
        self._registration = registration
        self._address = address

    def routes(self) -> list[Route]:
        """Return the routes that do not need a sign-in."""
        return [
            Route(SIGN_IN, self.begin),
            Route(SIGNED_IN, self.end),
            Route(SIGN_OUT, self.sign_out, methods=["POST"]),
        ]

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Pass the request on, or refuse it, as a function of Starlette's BaseHTTPMiddleware."""
        path = request.url.path
        if request.method not in ("GET", "HEAD") and not _is_own(request):
            return self._says(request, "Another site asked for this", "Nothing was done.", "", status=403)
        visitor = self._cookie(request, Visitor)
        if path in OPEN or path.startswith(STATIC):
            return await call_next(request)
        if visitor is None:
            return self._stranger(request)
        request.state.visitor = visitor
        if not visitor.is_administrator and path not in TEACHERS:
            text = "This page is for administrators."
            return self._says(request, "You may not see this page", text, ASK, status=403, link=HOME)
        answer = await call_next(request)
        if path != "/revision":  # which no person asks for
            self._keep(answer, self._signer.keep_visitor(visitor))
        return answer

    def begin(self, request: Request) -> Response:
        """Send the browser to the provider. It comes back to the page named by ``page``."""
        registration = self._registration
        if registration is None:
            return self._unregistered(request)
        page = own_page(request.query_params.get("page", ""))
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        sign_in = PendingSignIn(state, nonce, verifier, page)
        try:
            address = registration.provider.sign_in_address(self._client(registration, request), sign_in)
        except ProviderError as error:
            return self._failed(request, error)
        answer = RedirectResponse(address, status_code=303, headers=HEADERS)
        self._keep(answer, self._signer.keep_sign_in(sign_in))
        return answer

    def end(self, request: Request) -> Response:
        """Take the provider's answer, and lead to the page that was asked for."""
        registration, sign_in = self._registration, self._cookie(request, PendingSignIn)
        given = request.query_params
        if registration is None:
            return self._unregistered(request)
        if self._cookie(request, Visitor):  # the answer was opened once more
            return RedirectResponse(".", status_code=303, headers=HEADERS)
        if sign_in is None or not secrets.compare_digest(
            sign_in.state.encode(), given.get("state", "").encode(errors="replace")
        ):
            text = "It took longer than ten minutes, or another sign-in was begun in this browser."
            return self._says(request, "This sign-in cannot be finished", text, "", status=400, link=AGAIN)
        if "code" not in given:
            error, description = given.get("error", "no code"), given.get("error_description", "")
            words = f"{description.rstrip('.')} ({error})" if description else error
            text = f"It says: {words[:300]}."
            return self._says(request, "The sign-in was refused", text, ASK, status=403, link=AGAIN)
        try:
            client, rule = self._client(registration, request), registration.mapped
            claims = registration.provider.claims(client, sign_in, given["code"], rule.wanted)
            subject, administrator = subject_of(claims, rule), is_administrator(claims, rule)
        except ProviderError as error:
            return self._failed(request, error)
        except NobodyError as error:
            text = f"Nobody can tell who you are in the school’s list of courses: {error}."
            return self._says(request, "You are signed in, but not known", text, ASK, status=403, link=AGAIN)
        answer = RedirectResponse(f".{sign_in.page}", status_code=303, headers=HEADERS)
        self._keep(answer, self._signer.keep_visitor(Visitor(subject, administrator, self._signer.now())))
        return answer

    def sign_out(self, request: Request) -> Response:
        """End the session on this browser."""
        text = "The school’s sign-in may still know you: on a computer that others use, sign out there, too."
        answer = self._says(request, "You are signed out", text, "", status=200, link=AGAIN)
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
        return answer

    def _stranger(self, request: Request) -> Response:
        if request.url.path == "/revision":
            return Response(status_code=401, headers=HEADERS)
        if request.method not in ("GET", "HEAD"):
            text = "What you sent was not kept: sign in, go back, and send it again."
            return self._says(request, "Your sign-in has ended", text, "", status=401, link=AGAIN)
        page = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f".{SIGN_IN}?page={quote(page, safe='')}", status_code=303, headers=HEADERS)

    def _client(self, registration: Registration, request: Request) -> Client:
        return Client(registration.client_id, registration.secret(), self._redirect_uri(request))

    def _redirect_uri(self, request: Request) -> str:
        return (self._address or str(request.base_url)).rstrip("/") + SIGNED_IN

    def _cookie(self, request: Request, kind: type[T]) -> T | None:
        return self._signer.read(request.cookies.get(COOKIE, ""), kind)

    def _keep(self, answer: Response, token: str) -> None:
        answer.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="lax")

    def _unregistered(self, request: Request) -> Response:
        text = (
            f"Register it at your school’s sign-in, with the redirect address {self._redirect_uri(request)}"
        )
        advice = (
            "Then deploy again with dashboardIssuer and dashboardClientId, and store the client’s secret:"
            " docs/deploy-aws.md, “The dashboard for teachers”, says how."
        )
        return self._says(request, "Nobody can sign in yet", text, advice, status=200)

    def _failed(self, request: Request, error: ProviderError) -> Response:
        text = "The school’s sign-in does not work with this dashboard right now. Try again in a minute."
        advice = f"If this does not change, tell whoever runs the system: {error}."
        return self._says(request, "You cannot be signed in", text, advice, status=502, link=AGAIN)

    def _says(
        self,
        request: Request,
        title: str,
        text: str,
        advice: str,
        *,
        status: int,
        link: Link | None = None,
    ) -> Response:
        outside = not hasattr(request.state, "visitor")
        return self._dashboard.message(
            request, title, text, advice, status=status, link=link, outside=outside
        )


def own_page(page: str) -> str:
    """Return one of our pages with its query, or the first page for anything else."""
    parts = urlsplit(page)
    is_ours = not parts.scheme and not parts.netloc and parts.path in TEACHERS - {"/revision"}
    if not is_ours or not page.isprintable() or "\\" in page:
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _is_own(request: Request) -> bool:
    """Tell whether one of our pages sends this, or no browser: browsers say where a request comes from.

    https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or URL(origin).netloc == request.headers.get("host")
