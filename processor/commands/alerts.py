"""Alerts that somebody's risk has risen: the commands of the alerts function, and of people who look."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

import msgspec

from processor import statements
from processor.commands.command import About, Command, Function
from processor.commands.risk_list import ToldReason
from processor.commands.room import fitting
from processor.insight.alerts import Rise, plan
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "alerts.sql")

Channel = Literal["sns", "webhook"]

MOST_ATTEMPTS: Final = 12
"""With the pauses between them, they take about four hours."""

STUDENTS_TOLD: Final = 20
LONGEST_ERROR: Final = 500
LARGEST_OFFSET: Final = 2**31 - 1


class AlertedStudent(msgspec.Struct):
    """A student whose level has risen, at ``changed_at``, and why. The largest reason comes first."""

    student: str
    display_name: str | None
    level: str
    score: float
    reasons: list[ToldReason]
    changed_at: datetime


class AlertMessage(msgspec.Struct):
    """A message about one student, or a digest of those of ``total`` students with the highest scores.

    ``alert_id`` is the same however often the message is sent. ``level`` is the highest.
    """

    alert_id: UUID
    channel: Channel
    course: str
    title: str
    level: str
    total: int
    students: list[AlertedStudent]


class TakeAlertsAnswer(msgspec.Struct):
    """The oldest first. Whoever took them sends them within 90 seconds, or others may."""

    messages: list[AlertMessage]


class TakeAlerts(Command[TakeAlertsAnswer], tag="alerts_take", kw_only=True):
    """Take messages that have to be sent over a channel now, and that nobody else is sending."""

    channel: Channel
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10

    async def run(self, session: Session, _: Settings) -> TakeAlertsAnswer:
        """Put what is new into messages, then lease what is due."""
        now, connection = datetime.now(UTC), session.connection
        async with connection.transaction():
            await connection.execute(SQL["lock"])
            found = await connection.fetch(SQL["untold"], now, self.channel)
            planned = plan([Rise(**row) for row in found], self.channel)
            if planned:
                ids, messages = zip(*planned, strict=True)
                await connection.execute(SQL["note"], self.channel, now, ids, messages)
            leased = await connection.execute(SQL["lease"], self.channel, now, self.limit, MOST_ATTEMPTS)
            if leased == "UPDATE 0":
                return TakeAlertsAnswer([])
            rows = await connection.fetch(SQL["leased"], self.channel, now, STUDENTS_TOLD)
        return TakeAlertsAnswer([_message(list(of)) for _, of in groupby(rows, itemgetter("message"))])


class AcknowledgeAlertAnswer(msgspec.Struct):
    """Whether the message was waiting to be acknowledged."""

    noted: bool


class AcknowledgeAlert(Command[AcknowledgeAlertAnswer], tag="alerts_acknowledge", kw_only=True):
    """Note that a message was sent, or with ``error`` that it was not and has to be tried again later."""

    alert_id: UUID
    error: str | None = None

    async def run(self, session: Session, _: Settings) -> AcknowledgeAlertAnswer:
        """Note it; the same again changes nothing."""
        now, execute = datetime.now(UTC), session.connection.execute
        if self.error is None:
            done = await execute(SQL["sent"], self.alert_id, now)
        else:
            done = await execute(SQL["failed"], self.alert_id, now, self.error[:LONGEST_ERROR])
        return AcknowledgeAlertAnswer(done != "UPDATE 0")


class MuteAlertsAnswer(msgspec.Struct):
    """The courses that are muted now."""

    muted: list[str]


class MuteAlerts(Command[MuteAlertsAnswer], tag="alerts_mute", kw_only=True):
    """Send no messages about changes in a course from now on, or with ``off`` send them again."""

    course: str
    off: bool = False

    async def run(self, session: Session, _: Settings) -> MuteAlertsAnswer:
        """Note it; the same again changes nothing."""
        now = datetime.now(UTC)
        await session.connection.execute(SQL["unmute"] if self.off else SQL["mute"], self.course, now)
        rows = await session.connection.fetch(SQL["muted"], now)
        return MuteAlertsAnswer([row["course"] for row in rows])


class ListedAlert(msgspec.Struct):
    """A message about one ``student``, or about several ``changes``. ``given_up``: it is no longer tried."""

    alert_id: UUID
    channel: str
    course: str
    student: str
    changes: int
    level: str
    changed_at: datetime
    sent_at: datetime | None
    attempts: int
    error: str | None
    given_up: bool


class ListAlertsAnswer(msgspec.Struct):
    """The newest first; in all courses so many messages are ``waiting`` to be sent, or were ``given_up``.

    ``next`` is the offset of the rows that are left, if there are any.
    """

    alerts: list[ListedAlert]
    waiting: int
    given_up: int
    muted: list[str]
    next: int | None


class ListAlerts(Command[ListAlertsAnswer], tag="alerts", kw_only=True):
    """List messages about changes of risk, of one course if it is given."""

    function: ClassVar[Function] = "reports"

    course: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_OFFSET)] = 0

    def about(self) -> About | None:
        """Return the course to which the list is limited."""
        return About(None, self.course) if self.course else None

    async def run(self, session: Session, _: Settings) -> ListAlertsAnswer:
        """Return as many as one answer carries."""
        now, fetch = datetime.now(UTC), session.connection.fetch
        found = await fetch(SQL["listed"], self.course, MOST_ATTEMPTS, now, self.limit, self.offset)
        rows = fitting([ListedAlert(**row) for row in found])
        [totals] = await fetch(SQL["totals"], MOST_ATTEMPTS, now)
        muted = [row["course"] for row in await fetch(SQL["muted"], now)]
        is_last = len(rows) == len(found) < self.limit
        return ListAlertsAnswer(
            rows, **totals, muted=muted, next=None if is_last else self.offset + len(rows)
        )


def _message(rows: Sequence[Any]) -> AlertMessage:
    first = rows[0]
    return AlertMessage(
        alert_id=first["message"],
        channel=first["channel"],
        course=first["course"],
        title=first["title"],
        level="high" if any(row["level"] == "high" for row in rows) else "elevated",
        total=first["total"],
        students=[
            AlertedStudent(
                student=row["student"],
                display_name=row["display_name"],
                level=row["level"],
                score=row["score"],
                reasons=msgspec.json.decode(row["reasons"], type=list[ToldReason]),
                changed_at=row["changed_at"],
            )
            for row in rows
        ],
    )
