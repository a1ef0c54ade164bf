"""What operators can do on the pipeline's page. Each change is shown first, and then confirmed once."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from portal.dashboard import words
from portal.dashboard.forms import TOKEN, FormError, Forms, action_of
from portal.dashboard.pages import pipeline
from portal.dashboard.pages.pipeline import Waiting
from portal.dashboard.pipeline import LOOK_ONLY, Operator, PipelineFigures, RecordChoice
from portal.dashboard.source import NotAllowedError

Show = Callable[[Request, str, Mapping[str, Any]], Response]
"""Makes the page of this name from what its template shows."""

LONGEST_RECORD: Final = 200
TIMES: Final = ("redriven", "still", "dismissed", "replayed", "unreadable")


def waiting(operator: Operator | None, figures: PipelineFigures) -> Waiting:
    """Return what is waiting for a person. It asks only if something is."""
    if not figures.status.rejected_open and not figures.failed:
        return Waiting()
    if operator is None:
        return Waiting(why_not=LOOK_ONLY)
    try:
        rejected = operator.rejected(RecordChoice(), pipeline.SHOWN) if figures.status.rejected_open else []
        return Waiting(rejected, operator.failed() if figures.failed else [])
    except NotAllowedError as error:
        return Waiting(why_not=f"{str(error).rstrip('.')}.")


def revision(figures: PipelineFigures) -> str:
    """Return a text that changes with what the page shows."""
    return msgspec.json.encode(figures).decode()


class Operating:
    """The routes that change something. ``operator`` belongs to whoever asks."""

    def __init__(self, operator: Callable[[Request], Operator | None], forms: Forms, show: Show) -> None:
        self._operator = operator
        self._forms = forms
        self._show = show

    def routes(self) -> list[Route]:
        """Return, for each change, a page that asks and the form that it sends."""
        return [
            Route("/redrive", self.ask_redrive, methods=["GET"]),
            Route("/redrive", self.redrive, methods=["POST"]),
            Route("/dismiss", self.ask_dismiss, methods=["GET"]),
            Route("/dismiss", self.dismiss, methods=["POST"]),
            Route("/replay", self.ask_replay, methods=["GET"]),
            Route("/replay", self.replay, methods=["POST"]),
        ]

    def ask_redrive(self, request: Request) -> Response:
        """Say what would become of the records."""
        choice = _choice(request)
        found = self._allowed(request).redrive(choice, dry_run=True)
        of = words.plural(found.examined, "record")
        first = f"Of the first {of}" if found.more else f"Of {of}"
        still = f", and {found.still_rejected:,} would be rejected again" if found.still_rejected else ""
        text = f"{first}, {found.examined - found.still_rejected:,} can be stored today{still}."
        text += " Each keeps its identity: what is stored already is not stored twice."
        if not found.examined:
            text = "None of these is open any more."
        button = "Try them again" if found.examined else ""
        return self._confirm(request, f"Try again {_said(choice)}", text, button)

    async def redrive(self, request: Request) -> Response:
        """Do it, and go back to the page."""
        await self._forms.read(request)
        operator = self._allowed(request)
        done = await run_in_threadpool(operator.redrive, _choice(request), dry_run=False)
        return _back(redriven=done.examined - done.still_rejected, still=done.still_rejected)

    def ask_dismiss(self, request: Request) -> Response:
        """Ask why."""
        choice = _choice(request)
        self._allowed(request)
        text = "They are kept with your reason, and are no longer counted as open."
        return self._confirm(request, f"Dismiss {_said(choice)}", text, "Dismiss", asks_why=True)

    async def dismiss(self, request: Request) -> Response:
        """Do it, and go back to the page."""
        fields = await self._forms.read(request)
        operator = self._allowed(request)
        because = fields.get("because", "").strip()
        if not because:
            raise FormError("Say why nothing more has to be done: it is kept with the records.")
        return _back(dismissed=await run_in_threadpool(operator.dismiss, _choice(request), because))

    def ask_replay(self, request: Request) -> Response:
        """Say how many wait."""
        found = self._allowed(request).failed()
        text = (
            "Their records go through the processor again with the identity they had, and what is stored "
            "already stays as it is. Each object is deleted from the bucket once all its records are saved."
        )
        title = f"Replay {words.plural(len(found), 'object')} of failed records"
        return self._confirm(request, title, text, "Replay" if found else "")

    async def replay(self, request: Request) -> Response:
        """Do it, and go back to the page."""
        await self._forms.read(request)
        done = await run_in_threadpool(self._allowed(request).replay)
        return _back(replayed=done.records, unreadable=done.unreadable)

    def _allowed(self, request: Request) -> Operator:
        operator = self._operator(request)
        if operator is None:
            raise NotAllowedError(LOOK_ONLY)
        return operator

    def _confirm(
        self, request: Request, title: str, text: str, button: str, *, asks_why: bool = False
    ) -> Response:
        action = action_of(request)
        view = {
            "title": title,
            "text": text,
            "button": button,
            "action": action,
            "asks_why": asks_why,
            TOKEN: self._forms.token(request, action),
        }
        return self._show(request, "confirm", view)


def said_done(request: Request) -> str:
    """Return what was done before the page was shown, in a sentence; nothing where nothing was."""
    given = {name: request.query_params.get(name, "")[:9] for name in TIMES}
    count = {name: int(value) for name, value in given.items() if value.isdecimal()}
    if "redriven" in count:
        still = f", {count['still']:,} still rejected" if count.get("still") else ""
        return f"{words.plural(count['redriven'], 'record')} stored{still}."
    if "dismissed" in count:
        return f"{words.plural(count['dismissed'], 'record')} dismissed."
    if "replayed" in count:
        unreadable = count.get("unreadable")
        rest = f" {words.plural(unreadable, 'object')} could not be read." if unreadable else ""
        return f"{words.plural(count['replayed'], 'record')} brought to the processor.{rest}"
    return ""


def _choice(request: Request) -> RecordChoice:
    record = request.query_params.get("record", "")[:LONGEST_RECORD]
    reason = request.query_params.get("reason", "")[:LONGEST_RECORD]
    if not record and not reason:
        raise FormError("Say which records: those of a reason, or one by its number.")
    return RecordChoice(None if record else reason, record or None)


def _said(choice: RecordChoice) -> str:
    return "one rejected record" if choice.record else f"the records that were rejected as {choice.reason}"


def _back(**done: int) -> Response:
    return RedirectResponse(f"pipeline?{urlencode(done)}", status_code=303)
