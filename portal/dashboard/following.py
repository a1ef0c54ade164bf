"""The form with which people note that they talked to a student."""

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID, uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from portal.dashboard.forms import FormError, Forms
from portal.dashboard.source import PageSource, RefusedError
from processor.commands.follow_up import LONGEST_NOTE


class Following:
    """The route that accepts follow-ups, and what their forms hold."""

    def __init__(self, source: Callable[[Request], PageSource], forms: Forms) -> None:
        self._source = source
        self._forms = forms

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [Route("/student", self.note, methods=["POST"])]

    def form(self, request: Request, student: str, course: str) -> dict[str, str]:
        """Return the members of a form about one student in one course.

        Each form has an id of its own, so sending it twice is one follow-up.
        """
        action = f"student?{urlencode({'id': student, 'course': course})}"
        return {"action": action, "token": self._forms.token(request, action), "key": str(uuid4())}

    async def note(self, request: Request) -> Response:
        """Keep the note, and go back to the student."""
        fields = await self._forms.read(request)
        student = request.query_params.get("id", "")
        note = fields.get("note", "").strip()
        if not note:
            raise FormError("Say in a few words what was done.")
        if len(note) > LONGEST_NOTE:
            raise FormError(f"The note has {len(note):,} characters, and at most {LONGEST_NOTE:,} are kept.")
        try:
            key = UUID(fields.get("key", ""))
            course = request.query_params.get("course", "")
            await run_in_threadpool(self._source(request).follow_up, key, student, course, note)
        except (ValueError, RefusedError) as error:
            raise FormError(
                "The student is not in this course, or the course is not one of yours."
            ) from error
        return RedirectResponse(f"student?{urlencode({'id': student})}", status_code=303)
