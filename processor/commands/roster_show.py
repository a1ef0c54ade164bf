"""Looking at the roster page by page."""

from typing import Annotated, Any, Final, Literal

import msgspec

from processor.commands.command import Command
from processor.commands.roster import SQL
from processor.errors import CommandError
from processor.settings import Settings
from processor.storage.connection import Session

BY_ID: Final = {"courses": SQL["show_courses"], "assessments": SQL["show_assessments"]}


class RosterShow(Command, tag="roster_show", kw_only=True):
    """List courses, or a course's assessments or enrolments, in the order of their keys.

    ``after``: the ``next`` of the page before.
    """

    table: Literal["courses", "assessments", "enrolments"] = "courses"
    course: str | None = None
    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1_000

    async def run(self, session: Session, _: Settings) -> dict[str, Any]:
        """Return a page of rows, ``next`` (None on the last), and how many rows the tables have."""
        fetch = session.connection.fetch
        if self.table != "courses" and self.course is None:
            raise CommandError(f"course is missing: {self.table} are listed of one course")
        if self.table == "enrolments":
            role, slash, person = (self.after or "").partition("/")
            if self.after is not None and not slash:
                raise CommandError(f"after is {self.after!r}: use the `next` of the page before")
            after = (role, person) if slash else (None, None)
            rows = await fetch(SQL["show_enrolments"], self.course, *after, self.limit)
        else:
            rows = await fetch(BY_ID[self.table], self.course, self.after, self.limit)
        [totals] = await fetch(SQL["totals"])
        listed: list[dict[str, Any]] = msgspec.to_builtins([dict(row) for row in rows])
        return {
            "rows": listed,
            "next": self._cursor(listed[-1]) if len(listed) == self.limit else None,
            "totals": dict(totals),
        }

    def _cursor(self, row: dict[str, Any]) -> str:
        return f"{row['role']}/{row['person']}" if self.table == "enrolments" else str(row["id"])
