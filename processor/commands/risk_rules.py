"""Shows and sets the weights and thresholds of risk."""

from decimal import Decimal
from typing import Annotated, ClassVar, Final

import msgspec
from asyncpg import Connection
from asyncpg.exceptions import CheckViolationError

from processor import statements
from processor.commands.command import Command, Function
from processor.errors import CommandError
from processor.insight.measures import Rules, contradiction
from processor.settings import Settings
from processor.storage.session import Session

SQL: Final = statements.load(statements.FOLDER / "risk_rules.sql")


class ListedRule(msgspec.Struct):
    """A rule. ``course`` is the one to which it belongs, or None if it is for every course."""

    name: str
    value: float
    course: str | None


class RiskRulesAnswer(msgspec.Struct):
    """Every rule, in the order of their names."""

    rules: list[ListedRule]


class RiskRules(Command[RiskRulesAnswer], tag="risk_rules", kw_only=True):
    """List the rules of a course, or without one, those of every course that has none of its own."""

    function: ClassVar[Function] = "reports"

    course: str | None = None

    async def run(self, session: Session, _: Settings) -> RiskRulesAnswer:
        """Return all rules."""
        await _require(session.connection, self.course)
        rows = await session.connection.fetch(SQL["rules"], self.course)
        return RiskRulesAnswer([ListedRule(**row) for row in rows])


class RiskRuleSetAnswer(msgspec.Struct):
    """The rule from now on. ``courses`` is how many follow it and will be evaluated again."""

    rule: ListedRule
    before: ListedRule
    courses: int


class RiskRuleSet(Command[RiskRuleSetAnswer], tag="risk_rule_set", kw_only=True):
    """Set a rule of a course, or of all. Without a value, the course follows the rule of all again."""

    name: str
    value: Annotated[float, msgspec.Meta(ge=0, le=1_000)] | None = None
    course: str | None = None

    async def run(self, session: Session, _: Settings) -> RiskRuleSetAnswer:
        """Write the rule. Raise CommandError if rules would contradict each other, and change nothing."""
        if self.name not in Rules._fields:
            raise CommandError(f"there is no rule {self.name}: there are {', '.join(Rules._fields)}")
        if self.value is None and self.course is None:
            raise CommandError("value is missing: only a course's own rule can be taken back")
        connection = session.connection
        await _require(connection, self.course)
        async with connection.transaction():
            before = await self._holding(connection)
            try:
                await self._write(connection)
            except CheckViolationError as error:
                raise CommandError(f"a weight such as {self.name} may be at most 10") from error
            await _refuse_contradictions(connection, self.course)
            courses = await connection.fetchval(SQL["count_courses"], self.course, self.name)
            return RiskRuleSetAnswer(await self._holding(connection), before, courses)

    async def _holding(self, connection: Connection) -> ListedRule:
        rows = await connection.fetch(SQL["rules"], self.course)
        return next(ListedRule(**row) for row in rows if row["name"] == self.name)

    async def _write(self, connection: Connection) -> None:
        if self.value is None:
            await connection.execute(SQL["reset"], self.course, self.name)
        else:
            await connection.execute(SQL["set"], self.course, self.name, Decimal(repr(self.value)))


async def _require(connection: Connection, course: str | None) -> None:
    if course is not None and not await connection.fetchval(SQL["is_course"], course):
        raise CommandError(f"there is no course {course} in the roster")


async def _refuse_contradictions(connection: Connection, course: str | None) -> None:
    """Look at the rules of the course; of every course with rules of its own, where those of all changed."""
    others = [] if course else [row["course"] for row in await connection.fetch(SQL["courses_with_rules"])]
    for one in (course, *others):
        rows = await connection.fetch(SQL["rules"], one)
        rules = Rules(**{row["name"]: Decimal(repr(row["value"])) for row in rows})
        if wrong := contradiction(rules):
            raise CommandError(f"nothing was changed: {wrong}{f' in {one}' if one else ''}")
