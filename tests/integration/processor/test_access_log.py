"""The log of who looked: what is noted, before what, and who may read it."""

from typing import Any

import asyncpg
import msgspec
import pytest

from processor import environment, operations, reading
from processor.storage.secret import CURRENT
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import SETTINGS, CommandContext
from tests.integration.processor.world import World, connect, parsed, records, refused


class TestAccessLog:
    ASKED = "SELECT who, request_id, command, student_id, course FROM access_log ORDER BY id"

    @pytest.fixture
    def world(self, as_owner: World, monkeypatch: pytest.MonkeyPatch) -> World:
        """A world in which this process is the reports function and uses the reader's login."""
        as_owner.secrets[CURRENT] = as_owner.login
        environment.LOOP.run(as_owner.deliver(records(range(5))))
        as_owner.secrets[CURRENT] = as_owner.reader_login
        database = as_owner.processor(attempt=10)
        monkeypatch.setattr(environment, "database", lambda **_: database)
        return as_owner

    def rows(self, world: World) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in environment.LOOP.run(world.owner.fetch(self.ASKED))]

    def test_says_who_asked_about_which_student_or_course(self, world: World) -> None:
        ada = {"student_id": "student-3", "course": "course-3"}
        for asked in (
            {"command": "query", "report": "student", "parameters": ada},
            {"command": "query", "report": "courses", "parameters": {"student_id": "student-3"}},
            {"command": "roster_show", "table": "enrolments", "course": "math"},
            {"command": "risk_list", "student": "student-3", "course": "math"},
            {"command": "risk_list", "course": "math"},
        ):
            assert "refused" not in reading.handler(asked | {"who": "arn:ada"}, CommandContext())
        request = CommandContext().aws_request_id
        assert self.rows(world) == [
            ("arn:ada", request, "query", "student-3", "course-3"),
            ("arn:ada", request, "query", "student-3", None),
            ("arn:ada", request, "roster_show", None, "math"),
            ("arn:ada", request, "risk_list", "student-3", "math"),
            ("arn:ada", request, "risk_list", None, "math"),
        ]

    def test_says_nothing_of_what_is_about_no_single_one(self, world: World) -> None:
        for asked in ({"command": "status"}, {"command": "query", "report": "students"}):
            assert "refused" not in reading.handler(asked, CommandContext())
        assert self.rows(world) == []

    def test_nothing_is_answered_to_nobody(self, world: World) -> None:
        asked = {"command": "query", "report": "student", "parameters": {"student_id": "student-3"}}
        for who in ({}, {"who": ""}, {"who": None}):
            assert "who is missing" in reading.handler(asked | who, CommandContext())["refused"]
        assert self.rows(world) == []

    def test_is_written_before_the_answer_and_stays_where_that_fails(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = SHIPPED.report("SELECT 1 / 0 FROM {log} WHERE student_id = {student_id} LIMIT {limit}")
        monkeypatch.setitem(SHIPPED.reports, "broken", broken)
        asked = {"command": "query", "report": "broken", "parameters": {"student_id": "student-3"}}
        with pytest.raises(asyncpg.DivisionByZeroError):
            reading.handler(asked | {"who": "arn:ada"}, CommandContext())
        assert [row[3] for row in self.rows(world)] == ["student-3"]

    def test_where_it_cannot_be_written_nothing_is_answered(self, world: World) -> None:
        environment.LOOP.run(world.owner.execute("ALTER TABLE access_log ADD CHECK (who <> 'arn:ada')"))
        asked = {"command": "query", "report": "student", "parameters": {"student_id": "student-3"}}
        with pytest.raises(asyncpg.CheckViolationError):
            reading.handler(asked | {"who": "arn:ada"}, CommandContext())

    def test_tells_operators_who_looked_the_newest_first_page_by_page(self, world: World) -> None:
        looks = [("arn:ada", "student-3"), ("arn:ada", "student-4"), ("arn:bob", "student-3")]
        for who, student in looks:
            asked = {"command": "risk_list", "student": student, "who": who}
            assert "refused" not in reading.handler(asked, CommandContext())
        assert self.told(world) == looks[::-1]
        assert self.told(world, by="arn:ada") == [looks[1], looks[0]]
        assert self.told(world, student="student-3") == [looks[2], looks[0]]
        assert self.told(world, course="math") == []
        [(begun, ended)] = environment.LOOP.run(
            world.owner.fetch("SELECT min(accessed_at), max(accessed_at) FROM access_log")
        )
        assert self.told(world, since=begun.isoformat(), until=ended.isoformat()) == [looks[1], looks[0]]
        first = self.answer(world, limit=2)
        rest = self.answer(world, limit=2, before=first["next"])
        assert [look["who"] for look in (*first["looks"], *rest["looks"])] == [
            "arn:bob",
            "arn:ada",
            "arn:ada",
        ]
        assert rest["next"] is None

    def answer(self, world: World, **narrowed: Any) -> dict[str, Any]:
        asked = parsed({"command": "access_log", **narrowed})
        found = environment.LOOP.run(asked.run(Session(world.owner), SETTINGS))
        answer: dict[str, Any] = msgspec.to_builtins(found)
        return answer

    def told(self, world: World, **narrowed: Any) -> list[tuple[str, str]]:
        return [(look["who"], look["student_id"]) for look in self.answer(world, **narrowed)["looks"]]

    def test_reading_the_access_log_is_noted_too(
        self, world: World, as_owner: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        as_owner.secrets[CURRENT] = as_owner.owner_login
        database = as_owner.processor(attempt=10)
        monkeypatch.setattr(environment, "database", lambda **_: database)
        asked = {"command": "access_log", "student": "student-3"}
        assert "who is missing" in operations.handler(asked, CommandContext())["refused"]
        [look] = operations.handler(asked | {"who": "arn:ada"}, CommandContext())["looks"]
        assert (look["who"], look["command"], look["student_id"]) == ("arn:ada", "access_log", "student-3")
        assert self.rows(world)[0][3] == "student-3"

    @pytest.mark.parametrize("role", ["processor", "reader"])
    @pytest.mark.parametrize(
        "change",
        [
            "SELECT FROM access_log",
            "UPDATE access_log SET who = 'nobody'",
            "DELETE FROM access_log",
            "TRUNCATE access_log",
            "INSERT INTO access_log (who, request_id, command, course) VALUES ('me', '', '', 'math')",
            "ALTER TABLE access_log DISABLE TRIGGER ALL",
            "ALTER TABLE access_log OWNER TO CURRENT_USER",
            "DROP TABLE access_log",
            "CREATE RULE keep_nothing AS ON INSERT TO access_log DO INSTEAD NOTHING",
            "ALTER FUNCTION log_access(text, text, text, text, text) OWNER TO CURRENT_USER",
        ],
    )
    def test_nobody_but_the_owner_changes_it(self, world: World, role: str, change: str) -> None:
        async def attempt() -> bool:
            login = world.login if role == "processor" else world.reader_login
            connection = await connect(login)
            try:
                return await refused(connection, change)
            finally:
                await connection.close()

        assert environment.LOOP.run(attempt())
