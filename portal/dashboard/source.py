"""Gets the pages' answers from the reports function, by its commands."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from processor.commands.command import Command
from processor.commands.course import ShowCourse
from processor.commands.follow_up import AddFollowUp
from processor.commands.overview import ShowOverview, ShowRevision
from processor.commands.student import Search, ShowStudent
from processor.insight.answers import CoursePage, Found, Overview, StudentPage

if TYPE_CHECKING:
    from portal.dashboard.pipeline import PipelineSource

A = TypeVar("A")


class RefusedError(Exception):
    """The function refuses a command, in its own words."""


class UnavailableError(Exception):
    """The function could not be asked, or has failed. One line says why."""


class NotAllowedError(UnavailableError):
    """Whoever asks has no right to the answer. One sentence says who can give it."""


class Ask(Protocol):
    """Asks a command. It raises RefusedError if it is refused, and UnavailableError without an answer."""

    def __call__(self, command: Command[A]) -> A:
        """Return the answer."""


class PageSource(Protocol):
    """Answers what a page asks. None stands for what does not exist, or what the reader may not see.

    ``pipeline`` is None if the reader may not see how events arrive.
    """

    pipeline: "PipelineSource | None"

    def revision(self) -> str:
        """Return a text that changes whenever any page may have changed."""

    def overview(self) -> Overview:
        """Return all courses."""

    def course(self, course: str) -> CoursePage | None:
        """Return one course."""

    def student(self, student: str) -> StudentPage | None:
        """Return one student, in the courses that the reader may see."""

    def follow_up(self, key: UUID, student: str, course: str, note: str) -> None:
        """Note that whoever asks talked to the student. The same key again adds nothing.

        Raises RefusedError if the student is not in such a course, or the reader may not see it.
        """

    def search(self, text: str) -> list[Found]:
        """Return students and courses whose id or name contains the text, the best match first."""


class Reports:
    """A source that asks for each page. ``as_teacher`` sees only the courses that the roster gives them.

    ``freshen`` is called before each look for changes.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        as_teacher: str | None = None,
        freshen: Callable[[], None] = lambda: None,
        pipeline: "PipelineSource | None" = None,
    ) -> None:
        self._ask = ask
        self._as_teacher = as_teacher
        self._freshen = freshen
        self.pipeline = pipeline

    def revision(self) -> str:
        """Ask for the revision."""
        self._freshen()
        return self._ask(ShowRevision(as_teacher=self._as_teacher)).revision

    def overview(self) -> Overview:
        """Ask for all courses."""
        return self._ask(ShowOverview(as_teacher=self._as_teacher))

    def course(self, course: str) -> CoursePage | None:
        """Ask for one course."""
        try:
            return self._ask(ShowCourse(course=course, as_teacher=self._as_teacher))
        except RefusedError:
            return None

    def student(self, student: str) -> StudentPage | None:
        """Ask for one student."""
        try:
            return self._ask(ShowStudent(student=student, as_teacher=self._as_teacher))
        except RefusedError:
            return None

    def follow_up(self, key: UUID, student: str, course: str, note: str) -> None:
        """Have the follow-up noted."""
        self._ask(AddFollowUp(id=key, student=student, course=course, note=note, as_teacher=self._as_teacher))

    def search(self, text: str) -> list[Found]:
        """Ask who is meant. A text that cannot be searched for finds nobody."""
        try:
            return self._ask(Search(text=text, as_teacher=self._as_teacher)).found
        except RefusedError:
            return []
