"""The operations function's commands on a real database, as its handler runs them."""

import time
from typing import Any

import pytest

from emulation.process import free_port
from processor import environment, operations
from processor.commands import registry
from processor.commands.command import Command
from processor.commands.compact import Compact
from processor.commands.migrate import Migrate
from processor.commands.rejected import Rejected
from processor.commands.retention import Retention
from processor.errors import CommandError, RetryLater
from processor.settings import Settings
from processor.storage.connection import Database
from processor.storage.secret import Login
from processor.storage.session import Session
from tests.integration.processor.asking import CommandContext, run
from tests.integration.processor.world import World, parsed, records


class TestRetention:
    async def test_drops_the_months_before_and_only_those(self, world: World, session: Session) -> None:
        batch = records(range(3))
        for months, each in enumerate(batch):
            each["kinesis"]["approximateArrivalTimestamp"] -= months * 31 * 86_400
        await world.deliver(batch)
        dry = await run(session, command="retention", older_than="2026-11")
        [log, *_] = dry["tables"]
        assert [held["month"] for held in log["months"]] == ["2026-09", "2026-10"]
        assert (dry["dropped"], await world.count("student_performance")) == (False, 3)
        done = await run(session, command="retention", older_than="2026-11", dry_run=False)
        assert (done["dropped"], await world.count("student_performance")) == (True, 1)


class TestCommand:
    @pytest.mark.parametrize(
        ("event", "message"),
        [
            ({}, "`command`"),
            (
                {"command": "drop"},
                f"commands are {registry.names('operations')}",
            ),
            ({"command": "migrate", "extra": 1}, "extra"),
            (
                {"command": "status"},
                "the function reports answers status; the commands of this one are access_log",
            ),
            ({"command": "query", "report": "students", "limit": 0}, "limit"),
            ({"command": "retention", "older_than": "2026"}, "older_than"),
        ],
    )
    def test_a_wrong_one_is_named(self, event: dict[str, Any], message: str) -> None:
        with pytest.raises(CommandError) as error:
            registry.parse(event, "operations")
        assert message in str(error.value)

    def test_a_wrong_one_is_an_answer_and_no_error_of_the_function(self) -> None:
        answer = operations.handler({"command": "drop"}, CommandContext())
        assert list(answer) == ["refused"]
        assert f"the commands are {registry.names('operations')}" in answer["refused"]

    def test_compaction_gives_up_early_where_the_database_is_away(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def nowhere(_arn: str, _stage: str) -> Login:
            return Login("127.0.0.1", free_port(), "dbadmin", "", "spm")

        chosen = Settings("arn:secret", sslmode="disable")
        away = Database(chosen, attempt=Command.patience, read=nowhere)
        monkeypatch.setattr(environment, "settings", lambda: chosen)
        monkeypatch.setattr(environment, "database", lambda **_: away)
        monkeypatch.setattr(Compact, "patience", 2.2)
        started = time.monotonic()
        with pytest.raises(RetryLater):
            operations.handler({"command": "compact"}, CommandContext())
        assert time.monotonic() - started < CommandContext().get_remaining_time_in_millis() / 2_000

    def test_spells_out_its_class(self) -> None:
        assert parsed({"command": "migrate"}) == Migrate()
        assert isinstance(parsed({"command": "rejected"}), Rejected)
        wanted = parsed({"command": "retention", "older_than": "2026-01"})
        assert wanted == Retention(older_than="2026-01")
