"""The dashboard as a web application. It is the same on this machine and behind a Function URL."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from portal.dashboard import operating, words
from portal.dashboard.following import Following
from portal.dashboard.forms import FormError, Forms
from portal.dashboard.fragments import Fragments
from portal.dashboard.operating import Operating
from portal.dashboard.pages import course, overview, pipeline, student
from portal.dashboard.pipeline import Operator
from portal.dashboard.source import NotAllowedError, PageSource, RefusedError, UnavailableError
from portal.dashboard.tables import PageTable

FOLDER: Final = Path(__file__).parent
STALE: Final = timedelta(minutes=10)
LONGEST_ID: Final = 100

# No script but our own, no request to another host, no frame around us
# (OWASP, "HTTP Security Response Headers").
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",  # no-referrer would hide our own forms' origin from us, too
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Link(NamedTuple):
    """A link that leads on from a page, and its text."""

    address: str
    text: str


class Dashboard:
    """The routes over one source. ``now`` is called for each page.

    ``forms`` says whose forms are accepted; by default those that this process has made.
    """

    def __init__(
        self,
        source: Callable[[Request], PageSource],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        zone: tzinfo = UTC,
        forms: Forms | None = None,
    ) -> None:
        self._source = source
        self._forms = forms or Forms(secrets.token_bytes())
        self._now = now
        self._zone = zone
        self._following = Following(self._source_of, self._forms)
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._draw = Fragments(self._templates)

    def routes(self) -> list[Route | Mount]:
        """Return every route. Each page except the static files asks the source."""
        return [
            Route("/", self.overview),
            Route("/course", self.course),
            Route("/student", self.student),
            *self._following.routes(),
            Route("/search", self.search),
            Route("/pipeline", self.pipeline),
            *Operating(self._operator, self._forms, self._show).routes(),
            Route("/revision", self.revision),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ]

    def overview(self, request: Request) -> Response:
        """Show all courses."""
        source, seen = self._asked(request)
        return self._page(request, "overview", overview.view(source.overview(), self._zone, self._draw), seen)

    def course(self, request: Request) -> Response:
        """Show one course."""
        source, seen = self._asked(request)
        key = _id(request)
        answer = source.course(key) if key else None
        if answer is None:
            return self._unknown(request, "course", key, seen)
        zone = ZoneInfo(answer.time_zone)
        return self._page(request, "course", course.view(answer, self._now(), zone, self._draw), seen)

    def student(self, request: Request) -> Response:
        """Show one student."""
        source, seen = self._asked(request)
        key = _id(request)
        answer = source.student(key) if key else None
        if answer is None:
            return self._unknown(request, "student", key, seen)
        zone = ZoneInfo(answer.time_zone)
        forms = {one.id: self._following.form(request, answer.id, one.id) for one in answer.courses}
        view = student.view(answer, forms, self._now(), zone, self._draw)
        return self._page(request, "student", view, seen)

    def search(self, request: Request) -> Response:
        """Show what a search finds."""
        source, seen = self._asked(request)
        text = request.query_params.get("q", "").strip()[:LONGEST_ID]
        found = source.search(text) if text else []
        title = f"{words.plural(len(found), 'match', 'matches')} for “{text}”" if text else "Search"
        return self._page(request, "search", {"title": title, "found": found, "query": text}, seen)

    def pipeline(self, request: Request) -> Response:
        """Show how events arrive, to those who may see it."""
        source = self._source_of(request)
        if source.pipeline is None:
            return self._unknown(request, "page", "pipeline", "")
        figures = source.pipeline.figures()
        waiting = operating.waiting(source.pipeline.operator, figures)
        view = pipeline.view(figures, waiting, self._now(), self._zone, self._draw)
        view |= {"done": operating.said_done(request), "revision": "revision?page=pipeline"}
        return self._page(request, "pipeline", view, _tag(operating.revision(figures)))

    def revision(self, request: Request) -> Response:
        """Answer 304 until something changes on any page, or on the page that is named."""
        source = self._source_of(request)
        if request.query_params.get("page") == "pipeline" and source.pipeline is not None:
            tag = _tag(operating.revision(source.pipeline.figures()))
        else:
            tag = _tag(source.revision())
        headers = HEADERS | {"ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse("changed\n", headers=headers)

    async def not_allowed(self, request: Request, error: Exception) -> Response:
        """Say who may do it."""
        return self.message(request, "You may not do this", str(error), "", status=403)

    async def mistaken(self, request: Request, error: Exception) -> Response:
        """Show what is wrong with a form."""
        status = error.status if isinstance(error, FormError) else 400
        return self.message(request, "Nothing was changed", str(error), "", status=status)

    async def failed(self, request: Request, _: Exception) -> Response:
        """Say that this is our mistake. The server's log says what happened."""
        text = "This page has a defect, which its log describes. Nothing is lost: events are still stored."
        return self.message(request, "This page could not be made", text, "", status=500)

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """Show why there is no answer, and what still holds."""
        view = {
            "title": "The figures cannot be reached right now",
            "text": "Nothing is lost: events are still stored, and this page tries again by itself.",
            "next": f"If this does not change, tell whoever runs the system: {error}",
        }
        return self._page(request, "message", view, "", status=503)

    def message(
        self,
        request: Request,
        title: str,
        text: str,
        advice: str,
        *,
        status: int,
        link: Link | None = None,
        outside: bool = False,
    ) -> Response:
        """Show a page that does not change: what happened, what to do, and the link that leads on.

        ``outside`` is for somebody who is not signed in, and does not need a search or a list of pages.
        """
        view = {"title": title, "text": text, "next": advice, "link": link, "revision": ""}
        return self._page(request, "message", view | {"outside": outside}, "", status=status)

    def _asked(self, request: Request) -> tuple[PageSource, str]:
        """Return the source and its revision before it answers, so that a later change is still news."""
        source = self._source_of(request)
        return source, _tag(source.revision())

    def _source_of(self, request: Request) -> PageSource:
        source = self._source(request)
        request.state.has_pipeline = source.pipeline is not None
        return source

    def _operator(self, request: Request) -> Operator | None:
        source = self._source_of(request)
        return source.pipeline.operator if source.pipeline else None

    def _show(self, request: Request, page: str, view: Mapping[str, Any]) -> Response:
        return self._page(request, page, {"where": "Pipeline", **view}, "")

    def _page(
        self, request: Request, page: str, view: dict[str, Any], seen: str, status: int = 200
    ) -> Response:
        tables = [_sorted(table, request) for table in view.get("tables", [])]
        if request.query_params.get("format") == "csv":
            return _csv(tables, request.query_params.get("table", ""))
        context = {
            "page": page,
            "where": "Dashboard" if page == "message" else page.capitalize(),
            "seen": seen,
            "query": "",
            "revision": "revision",
            "has_pipeline": getattr(request.state, "has_pipeline", False),
            "visitor": getattr(request.state, "visitor", None),
            "link": None,
            "outside": False,
            "stale": self._stale(view.get("last_event_at"), view.get("usual_seconds")),
            **view,
            "tables": tables,
            "named": {table.name: table for table in tables},
        }
        text = self._templates.get_template(f"{page}.html").render(context)
        return HTMLResponse(text, status_code=status, headers=HEADERS)

    def _stale(self, last_event_at: datetime | None, usual_seconds: float | None) -> str:
        if last_event_at is None or self._now() - last_event_at < STALE:
            return ""
        usual = f"; usually something comes in {words.every(usual_seconds)}" if usual_seconds else ""
        ago = words.ago(last_event_at, self._now())
        return f"Nothing has come in for {ago}{usual}. What happened since then is not on this page."

    def _unknown(self, request: Request, kind: str, key: str, seen: str) -> Response:
        view = {
            "title": f"No {kind} {key}".rstrip() if key else f"Which {kind}?",
            "text": f"There is no such {kind}, or it is not in one of your courses.",
            "next": "Search for it above, or ask whoever looks after the school’s list of courses.",
        }
        return self._page(request, "message", view, seen, status=404)


def make_app(
    dashboard: Dashboard, guards: Sequence[Middleware] = (), routes: Sequence[Route] = ()
) -> Starlette:
    """Return the application. Every request passes the guards first, also those of other routes."""
    return Starlette(
        routes=[*routes, *dashboard.routes()],
        middleware=[*guards, Middleware(GZipMiddleware, minimum_size=500)],
        exception_handlers={
            FormError: dashboard.mistaken,
            NotAllowedError: dashboard.not_allowed,
            RefusedError: dashboard.unavailable,
            Exception: dashboard.failed,
            UnavailableError: dashboard.unavailable,
        },
    )


def _tag(revision: str) -> str:
    return f'"{blake2b(revision.encode(), digest_size=12).hexdigest()}"'


def _id(request: Request) -> str:
    return request.query_params.get("id", "").strip()[:LONGEST_ID]


def _sorted(table: PageTable, request: Request) -> PageTable:
    name, _, sort = request.query_params.get("sort", "").partition(":")
    return table.sorted(sort) if name == table.name else table


def _csv(tables: list[PageTable], name: str) -> Response:
    for table in tables:
        if table.name == name:
            headers = HEADERS | {"Content-Disposition": 'attachment; filename="table.csv"'}
            return Response(table.csv(), media_type="text/csv; charset=utf-8", headers=headers)
    return PlainTextResponse("This page has no such table.\n", status_code=404, headers=HEADERS)
