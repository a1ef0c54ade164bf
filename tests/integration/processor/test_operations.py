"""The operations function's commands on a real database, as its handler runs them."""

import base64
import http.server
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from emulation.postgres import PostgresServer
from emulation.process import free_port
from processor import environment, migrations, operations, statements
from processor.commands import registry
from processor.commands import status as status_module
from processor.commands.command import Command
from processor.commands.compact import Compact
from processor.commands.migrate import Migrate
from processor.commands.rejected import Rejected
from processor.commands.retention import Retention
from processor.errors import CommandError, MigrationFailed, RetryLater
from processor.settings import Settings
from processor.storage.connection import Database
from processor.storage.scram import verifier
from processor.storage.secret import Login
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.world import World, connect, event, parsed, record, records

SETTINGS = Settings("arn:secret")

# $1 events that one shard stored this long ago.
MANY_EVENTS = """
    INSERT INTO student_performance (
        source_id, sequence_number, sub_sequence, student_id, event_type, occurred_at, arrived_at,
        stored_at, metadata
    )
    SELECT
        1, lpad((before.events + number)::text, 56, '0'), 1, 's', 't', '2026-11-22', '2026-11-22',
        now() - $2::text::interval, '{}'
    FROM
        generate_series(1, $1::integer) AS number,
        (SELECT count(*) AS events FROM student_performance) AS before
"""


async def pages_read(connection: asyncpg.Connection) -> int:
    """Return how many pages ``status`` reads for its figures of the last hour."""
    sql = status_module.SQL["figures"].replace("$1", str(status_module.LAST_HOUR_UP_TO))
    sql = sql.replace("{log}", SHIPPED.table)
    async with connection.transaction():
        await connection.execute(status_module.SQL["by_index"])
        [plan] = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"))
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


@pytest.fixture
def session(world: World) -> Session:
    return Session(world.owner)


async def run(session: Session, **command: Any) -> dict[str, Any]:
    """Run a command as the handler does, and pass the answer through JSON as Lambda does."""
    answer = await parsed(command).run(session, SETTINGS)
    return dict(json.loads(msgspec.json.encode(answer)))


class TestStatus:
    async def test_of_an_empty_database(self, session: Session) -> None:
        status = await run(session, command="status")
        assert status["stored"] == status["rejected"] == status["rejected_open"] == 0
        assert status["last_stored_at"] is None
        assert status["partitions"] == []
        assert status["dropped_before"] is None
        assert status["schema_version"] == len(migrations.available())

    async def test_counts_what_is_stored_and_rejected(self, world: World, session: Session) -> None:
        await world.deliver([*records(range(10)), record(10, b"bad")])
        status = await run(session, command="status")
        assert (status["stored"], status["stored_last_hour"], status["rejected_last_hour"]) == (10, 10, 1)
        assert [partition["month"] for partition in status["partitions"]] == ["2026-11"]
        assert status["first_arrived_at"] == "2026-11-22T12:00:00Z"
        assert status["lag_ms"]["p50"] <= status["lag_ms"]["p99"]

    async def test_estimates_what_would_take_long_to_count(
        self, world: World, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.deliver(records(range(10)))
        await world.owner.execute("ANALYZE")
        monkeypatch.setattr(status_module, "EXACT_UP_TO", 5)
        status = await run(session, command="status")
        assert (status["stored"], status["stored_is_estimate"]) == (10, True)

    async def test_ends_counting_the_last_hour_and_says_so(
        self, world: World, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.deliver(records(range(10)))
        status = await run(session, command="status")
        assert (status["stored_last_hour"], status["stored_last_hour_is_at_least"]) == (10, False)
        assert status["lag_sample"] == 10
        monkeypatch.setattr(status_module, "LAST_HOUR_UP_TO", 5)
        status = await run(session, command="status")
        assert (status["stored_last_hour"], status["stored_last_hour_is_at_least"]) == (5, True)

    async def test_what_was_stored_before_the_last_hour_is_none_of_its_figures(
        self, world: World, session: Session
    ) -> None:
        await world.deliver(records(range(10)))
        await world.owner.execute("UPDATE student_performance SET stored_at = stored_at - interval '2 hours'")
        status = await run(session, command="status")
        assert (status["stored_last_hour"], status["lag_sample"]) == (0, 0)
        assert status["lag_ms"] == {"p50": None, "p99": None}
        assert datetime.fromisoformat(status["last_stored_at"]) < datetime.now(UTC) - timedelta(hours=1)

    async def test_reads_no_more_of_the_log_when_the_last_hour_brought_more(
        self, world: World, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A third of the log is older and comes first, where a scan would begin."""
        monkeypatch.setattr(status_module, "LAST_HOUR_UP_TO", 1_000)
        await world.deliver(records([0]))
        await world.owner.execute(MANY_EVENTS, 100_000, "2 hours")
        pages = []
        for events in (20_000, 180_000):
            await world.owner.execute(MANY_EVENTS, events, "1 minute")
            await world.owner.execute("VACUUM ANALYZE student_performance")
            pages.append(await pages_read(world.owner))
            assert (await run(session, command="status"))["stored_last_hour_is_at_least"]
        whole = await world.owner.fetchval("SELECT pg_relation_size('student_performance_2026_11') / 8192")
        assert pages[1] < pages[0] * 1.5 < whole / 10, (pages, whole)

    async def test_tells_how_many_chunks_wait_to_be_compacted(self, world: World, session: Session) -> None:
        assert (await run(session, command="status"))["waiting_chunks"] == 0
        for number in range(10):
            await world.deliver(records([number]))
        status = await run(session, command="status")
        assert (status["waiting_chunks"], status["waiting_since"] is None) == (10, False)
        await run(session, command="compact")
        status = await run(session, command="status")
        assert (status["waiting_chunks"], status["waiting_since"]) == (0, None)


class TestQuery:
    async def test_every_report_answers_for_an_empty_database(self, session: Session) -> None:
        for report in SHIPPED.reports:
            assert (await run(session, command="query", report=report))["rows"] == []

    async def test_students(self, world: World, session: Session) -> None:
        scores = [("a", 1.0), ("a", 2.0), ("b", None)]
        await world.deliver(
            [record(n, event(n, student_id=s, score=score)) for n, (s, score) in enumerate(scores)]
        )
        await world.pipeline.upkeep.compact(world.owner)
        answer = await run(session, command="query", report="students")
        assert answer["columns"] == ["student_id", "events", "mean_score", "last_activity"]
        assert answer["rows"] == [
            ["a", 2, 1.5, "2026-11-22T12:00:00Z"],
            ["b", 1, None, "2026-11-22T11:59:58Z"],
        ]

    @pytest.mark.parametrize(
        ("report", "narrowed", "key"),
        [
            ("students", {"student_id": "student-3", "course": "course-3"}, "student_id"),
            ("courses", {"student_id": "student-3", "course": "course-3"}, "course"),
            (
                "types",
                {"course": "course-3", "event_type": "quiz_score", "since": "2000-01-01"},
                "event_type",
            ),
            ("days", {"course": "course-3", "event_type": "quiz_score", "since": "2000-01-01"}, "day"),
            (
                "student",
                {"student_id": "student-3", "course": "course-3", "since": "2000-01-01"},
                "event_type",
            ),
            ("tail", {"student_id": "student-3", "course": "course-3", "since": "2000-01-01"}, "metadata"),
            ("distribution", {"course": "course-3"}, "from_per_cent"),
            (
                "inactive",
                {"course": "course-3", "student_id": "student-3", "until": "2026-12-24"},
                "last_activity",
            ),
        ],
    )
    async def test_each_narrows_down_by_what_it_lists_and_keeps_to_the_limit(
        self, world: World, session: Session, report: str, narrowed: dict[str, str], key: str
    ) -> None:
        await world.deliver(records(range(300)))
        await world.pipeline.upkeep.compact(world.owner)
        times = {name: f"{narrowed[name]}T00:00:00Z" for name in ("since", "until") if name in narrowed}
        answer = await run(session, command="query", report=report, parameters=narrowed | times, limit=1)
        assert key in answer["columns"]
        assert len(answer["rows"]) == 1

    @pytest.mark.parametrize("students", [9, 10])
    async def test_figures_of_a_group_of_fewer_than_ten_are_hidden(
        self, world: World, session: Session, students: int
    ) -> None:
        of = {"course": "small", "assessment": "essay"}
        sent = [event(n, student_id=f"s{n}", event_type="quiz", metadata=of) for n in range(students)]
        await world.deliver([record(n, data) for n, data in enumerate(sent)])
        await world.pipeline.upkeep.compact(world.owner)

        async def rows(report: str, **narrowed: str) -> list[Any]:
            answer = await run(session, command="query", report=report, parameters=narrowed)
            return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

        shown = students >= 10
        for report in ("courses", "types", "days"):
            [row] = await rows(report, course="small")
            assert (row["events"], row["mean_score"] is not None) == (students, shown), report
        assert bool(await rows("distribution", course="small")) is shown
        [own] = await rows("courses", course="small", student_id="s3")  # one student's own
        assert own["mean_score"] == 1.5

    @pytest.mark.parametrize(
        ("report", "by", "listed"),
        [
            ("students", "event_type", "student_id, course"),
            ("students", "since", "student_id, course"),
            ("courses", "until", "student_id, course"),
            ("days", "student_id", "course, event_type, since, until"),
            ("missing", "event_type", "until, course, student_id"),
        ],
    )
    async def test_what_no_projection_answers_is_refused_in_one_line(
        self, session: Session, report: str, by: str, listed: str
    ) -> None:
        with pytest.raises(CommandError, match=f"{report} has no filter {by}: use {listed}$"):
            await run(session, command="query", report=report, parameters={by: "2026-11-01T00:00:00Z"})

    async def test_days_are_whole(self, world: World, session: Session) -> None:
        days = [f"2026-03-{day:02}T12:00:00Z" for day in (1, 2, 3)]
        await world.deliver([record(n, event(n, timestamp=day)) for n, day in enumerate(days)])
        await world.pipeline.upkeep.compact(world.owner)
        between = {"since": "2026-03-02T18:00:00Z", "until": "2026-03-03T00:00:00Z"}
        answer = await run(session, command="query", report="days", parameters=between)
        assert [row[0] for row in answer["rows"]] == ["2026-03-02"]

    async def test_tail_gives_the_newest_first_with_their_delivery(
        self, world: World, session: Session
    ) -> None:
        await world.deliver(records([1]))
        await world.deliver(records([2]))
        answer = await run(session, command="query", report="tail")
        rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        assert [row["metadata"]["number"] for row in rows] == [2, 1]
        assert rows[0]["sequence_number"] == f"{2:056d}"
        newer = await run(
            session, command="query", report="tail", parameters={"stored_since": rows[0]["stored_at"]}
        )
        assert len(newer["rows"]) == 1

    @pytest.mark.parametrize("report", ["student", "tail"])
    async def test_since_and_until_are_when_it_happened(
        self, world: World, session: Session, report: str
    ) -> None:
        await world.deliver(
            [
                record(day, event(day, student_id="ada", timestamp=f"2026-03-{day:02}T12:00:00Z"))
                for day in (1, 2, 3)
            ]
        )
        of_a_day = {"student_id": "ada", "since": "2026-03-02T12:00:00Z", "until": "2026-03-03T12:00:00Z"}
        answer = await run(session, command="query", report=report, parameters=of_a_day)
        (row,) = (dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"])
        assert row["occurred_at"] == "2026-03-02T12:00:00Z"

    async def test_sorting_puts_unknown_values_last_and_pages_fit(
        self, world: World, session: Session
    ) -> None:
        scores = {"a": 50, "b": None, "c": 70, "d": 50, "e": 60}
        await world.deliver(
            [
                record(number, event(number, student_id=student, score=score))
                for number, (student, score) in enumerate(scores.items(), start=1)
            ]
        )

        await world.pipeline.upkeep.compact(world.owner)

        async def ordered(**options: Any) -> str:
            answer = await run(session, command="query", report="students", **options)
            return "".join(row[0] for row in answer["rows"])

        assert await ordered(sort="mean_score") == "adecb"
        assert await ordered(sort="mean_score", descending=True) == "ceadb"
        assert [await ordered(sort="mean_score", limit=2, offset=n) for n in (0, 2, 4)] == ["ad", "ec", "b"]
        assert [await ordered(limit=2, offset=n) for n in (0, 2, 4)] == ["ab", "cd", "e"]

    async def test_pages_below_six_megabytes_hold_every_row_once(
        self, world: World, session: Session
    ) -> None:
        """There are ten events of 1.3 MB each once the runtime has written each é as six characters."""
        await world.deliver([record(n, event(n, metadata={"text": "é" * 220_000})) for n in range(10)])
        seen, sizes, offset = [], [], 0
        while offset is not None:
            page = await run(session, command="query", report="tail", limit=9 - offset, offset=offset)
            sizes.append(len(json.dumps(page)))
            seen += [row[page["columns"].index("sequence_number")] for row in page["rows"]]
            offset = page["next"]
        assert seen == [f"{n:056d}" for n in range(9, 0, -1)]
        assert len(sizes) == 3
        assert max(sizes) < 5_500_000

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (
                {"report": "grades"},
                "the pipeline student-performance has no report grades: use one of tail, days",
            ),
            (
                {"report": "tail", "parameters": {"class": "1"}},
                "report tail has no filter class: use stu",
            ),
            ({"report": "tail", "parameters": {"since": "now"}}, "since: Invalid RFC3339"),
            ({"report": "days", "sort": "score"}, "no column score to sort by: it has day, events"),
            ({"report": "tail", "pipeline": "sports"}, "sports is not deployed: use one of student-perf"),
        ],
    )
    async def test_a_wrong_one_is_named(self, session: Session, wrong: dict[str, Any], message: str) -> None:
        with pytest.raises(CommandError, match=message):
            await run(session, command="query", **wrong)


class TestRejected:
    async def test_lists_pages_with_what_was_sent(self, world: World, session: Session) -> None:
        await world.deliver([record(n, f"bad {n}".encode()) for n in range(5)])
        seen: list[str] = []
        after = None
        while True:
            page = await run(session, command="rejected", limit=2, **({"after": after} if after else {}))
            seen += [base64.b64decode(row["payload"]).decode() for row in page["rejected"]]
            after = page["next"]
            if after is None:
                break
        assert seen == [f"bad {n}" for n in range(5)]

    async def test_filters(self, world: World, session: Session) -> None:
        await world.deliver(
            [record(1, b"bad"), record(2, event(2, student_id=...)), record(3, b"bad", shard=1)]
        )

        async def found(**filters: Any) -> int:
            return len((await run(session, command="rejected", **filters))["rejected"])

        assert await found() == 3
        assert await found(reason="missing_member") == 1
        assert await found(shard_id="shardId-000000000001") == 1
        assert await found(since="2999-01-01T00:00:00Z") == 0
        assert await found(until="2000-01-01T00:00:00Z") == 0
        assert await found(redriven=True) == 0
        assert await found(stream_arn="arn:other") == 0
        assert await found(dismissed=True) == 0
        assert await found(sequence_number=f"{2:056d}") == 1
        assert await found(sequence_number=f"{2:056d}", sub_sequence=1) == 0

    async def test_a_page_ends_where_an_answer_of_lambda_does(self, world: World, session: Session) -> None:
        await world.deliver([record(n, b"\x00" * 1_000_000) for n in range(5)])
        first = await run(session, command="rejected")
        rest = await run(session, command="rejected", after=first["next"])
        assert (len(first["rejected"]), len(rest["rejected"]), rest["next"]) == (3, 2, None)

    async def test_a_page_of_redriving_ends_there_too(self, world: World, session: Session) -> None:
        await world.deliver([record(n, b"\x00" * 1_000_000) for n in range(5)])
        first = await run(session, command="redrive")
        rest = await run(session, command="redrive", after=first["next"])
        assert (first["examined"], rest["examined"], rest["next"]) == (3, 2, None)

    async def test_a_wrong_cursor_is_said(self, session: Session) -> None:
        with pytest.raises(CommandError, match="use the `next` of the previous page"):
            await run(session, command="rejected", after="7")


class TestRedrive:
    async def quarantine(self, world: World, *numbers: int) -> None:
        """Put good events among the rejected ones, as if an older processor could not read them."""
        await world.deliver([record(number, b"bad") for number in numbers])
        for number in numbers:
            await world.owner.execute(
                "UPDATE rejected_event SET payload = $1 WHERE sequence_number = $2",
                event(number),
                f"{number:056d}",
            )

    async def test_stores_what_decodes_today_under_its_identity(
        self, world: World, clean_world: World, session: Session
    ) -> None:
        await self.quarantine(world, 1, 2)
        await world.deliver([record(3, b"still bad")])
        answer = await run(session, command="redrive")
        assert (answer["examined"], answer["stored"], len(answer["still_rejected"])) == (3, 2, 1)
        assert answer["still_rejected"][0]["reason"] == "not_json"
        await clean_world.deliver(records([1, 2]))
        assert (await world.tables())["events"] == (await clean_world.tables())["events"]
        redriven = "SELECT count(*) FROM rejected_event WHERE redriven_at IS NOT NULL"
        assert await world.owner.fetchval(redriven) == 2

    async def test_a_dry_run_and_a_second_run_change_nothing(self, world: World, session: Session) -> None:
        await self.quarantine(world, 1)
        dry = await run(session, command="redrive", dry_run=True)
        assert (dry["stored"], await world.count("student_performance")) == (1, 0)
        assert (await run(session, command="redrive"))["stored"] == 1
        assert (await run(session, command="redrive"))["examined"] == 0
        assert await world.count("student_performance") == 1

    async def test_what_was_stored_otherwise_counts_as_a_duplicate(
        self, world: World, session: Session
    ) -> None:
        await self.quarantine(world, 1)
        await world.deliver([record(100, event(1))])
        answer = await run(session, command="redrive")
        assert (answer["stored"], answer["duplicates"], answer["still_rejected"]) == (0, 1, [])

    async def test_what_postgresql_refuses_stays_rejected(self, world: World, session: Session) -> None:
        await world.owner.execute("ALTER TABLE student_performance ADD CONSTRAINT sane CHECK (score > 50)")
        await world.deliver([record(1, event(1, score=50))])
        for dry_run in (True, False):
            answer = await run(session, command="redrive", dry_run=dry_run)
            assert (answer["stored"], answer["still_rejected"][0]["reason"]) == (0, "not_storable")
        assert await world.count("rejected_event") == 1


class TestDismiss:
    async def test_what_is_dismissed_is_kept_with_the_reason_and_open_no_more(
        self, world: World, session: Session
    ) -> None:
        await world.deliver([record(1, b"bad"), record(2, b"worse"), record(3, event(3, student_id=...))])
        chosen = {"command": "dismiss", "because": "a test", "reason": "not_json"}
        assert await run(session, **chosen, dry_run=True) == {"dismissed": 2}
        status = await run(session, command="status")
        assert status["rejected_open"] == 3
        reasons = [(one["reason"], one["records"]) for one in status["open_by_reason"]]
        assert reasons == [("not_json", 2), ("missing_member", 1)]
        assert await run(session, **chosen) == {"dismissed": 2}
        assert await run(session, **chosen) == {"dismissed": 0}
        status = await run(session, command="status")
        assert (status["rejected"], status["rejected_open"]) == (3, 1)
        kept = (await run(session, command="rejected", dismissed=True))["rejected"]
        assert [(row["dismissed_because"], row["dismissed_at"] is None) for row in kept] == [
            ("a test", False)
        ] * 2

    async def test_it_is_redriven_only_where_asked_for(self, world: World, session: Session) -> None:
        await world.deliver([record(1, b"bad")])
        await run(session, command="dismiss", because="a test", sequence_number=f"{1:056d}")
        assert (await run(session, command="redrive"))["examined"] == 0
        await world.owner.execute("UPDATE rejected_event SET payload = $1", event(1))
        assert (await run(session, command="redrive", dismissed=True))["stored"] == 1

    async def test_delivered_again_it_stays_dismissed(self, world: World, session: Session) -> None:
        await world.deliver([record(1, b"bad")])
        await run(session, command="dismiss", because="a test")
        await world.deliver([record(1, b"bad")])
        assert (await run(session, command="status"))["rejected_open"] == 0

    async def test_without_a_reason_nothing_is_dismissed(self, session: Session) -> None:
        with pytest.raises(CommandError, match="because"):
            await run(session, command="dismiss", because="")


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


class TestMigrations:
    async def test_a_second_run_applies_nothing(self, world: World) -> None:
        assert await migrations.migrate(world.owner, world.login, [SHIPPED]) == []

    async def test_a_failing_one_is_rolled_back_whole_with_the_databases_message(
        self, world: World, tmp_path: Path
    ) -> None:
        self.copy_to(tmp_path)
        bad = f"{len(migrations.available(SHIPPED.migrations)) + 1:04}_bad.sql"
        (tmp_path / "migrations" / bad).write_text("CREATE TABLE half (id int);\nSELECT nonsense;")
        with pytest.raises(MigrationFailed, match=rf'{bad}:2: column "nonsense" does not exist'):
            await migrations.migrate(world.owner, None, [replace(SHIPPED, folder=tmp_path)])
        assert await world.owner.fetchval("SELECT to_regclass('half')") is None
        applied = "SELECT max(version) FROM schema_migration WHERE pipeline = $1"
        shipped = len(migrations.available(SHIPPED.migrations))
        assert await world.owner.fetchval(applied, SHIPPED.name) == shipped

    async def test_an_edited_one_is_refused(self, world: World, tmp_path: Path) -> None:
        self.copy_to(tmp_path)
        with (tmp_path / "migrations" / "0001_student_performance.sql").open("a") as file:
            file.write("-- edited")
        with pytest.raises(MigrationFailed, match=r"0001_student_performance\.sql was changed after it was"):
            await migrations.migrate(world.owner, None, [replace(SHIPPED, folder=tmp_path)])

    def test_a_gap_in_the_numbers_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "0002_late.sql").write_text("SELECT 1")
        with pytest.raises(MigrationFailed, match=r"0002_late\.sql: expected 0001_name\.sql"):
            migrations.available(tmp_path)

    async def test_the_processor_may_do_what_it_needs_and_nothing_else(self, world: World) -> None:
        processor = await connect(world.login)
        for forbidden in (
            "DELETE FROM student_performance",
            "UPDATE student_performance SET score = 100",
            "TRUNCATE rejected_event",
            "UPDATE rejected_event SET redriven_at = now()",
            "SELECT * FROM schema_migration",
            "SELECT * FROM pipeline_table",
            "SELECT FROM chunk",
            "SELECT FROM course",
            "SELECT FROM assessment",
            "SELECT FROM enrolment",
            "SELECT FROM person",
            "SELECT FROM roster_chunk",
            "DELETE FROM chunk",
            "INSERT INTO course_hour VALUES ('c', now(), now(), 1)",
            "SELECT close_months('student_performance', '2026-11-01')",
            "CREATE TABLE mine (id int)",
            "SELECT drop_month('student_performance', '2026-11-01')",
            "SELECT make_processor_login('me', 'too')",
            "ALTER TABLE event_source ADD COLUMN mine int",
            "SET ROLE dbadmin",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await processor.execute(forbidden)
        await processor.close()

    async def test_they_add_up_to_the_schema_that_is_there_for_reading(
        self, server: PostgresServer, world: World
    ) -> None:
        admin = world.owner
        await admin.execute(f'CREATE DATABASE "{world.login.dbname}_read"')
        read = msgspec.structs.replace(world.owner_login, dbname=f"{world.login.dbname}_read")
        connection = await connect(read)
        await connection.execute((statements.FOLDER / "schema.sql").read_text())
        for login, kind in ((world.login, "processor"), (world.reader_login, "reader")):
            await connection.execute(
                f"SELECT make_{kind}_login($1, $2)", login.username, verifier(login.password)
            )
        await connection.close()
        assert "CREATE TABLE public.student_performance" in dump(server, read)
        assert dump(server, read) == dump(server, world.owner_login)
        await admin.execute(f'DROP DATABASE "{read.dbname}"')

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(SHIPPED.folder, folder, dirs_exist_ok=True)


def dump(server: PostgresServer, login: Login) -> str:
    """Return the catalogue of a database as SQL, without anything that differs from one dump to the next."""
    dumped = server.tool("pg_dump", "--schema-only", login.dbname)
    assert dumped.returncode == 0, dumped.stderr
    return "\n".join(line for line in dumped.stdout.splitlines() if not line.startswith("\\"))


class TestCustomResource:
    """The migration as CloudFormation sees it, with a URL that receives the answer."""

    @pytest.fixture
    def answers(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        received: list[dict[str, Any]] = []

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
            thread = threading.Thread(target=receiver.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{receiver.server_port}/answer", received
            receiver.shutdown()
            thread.join()

    def request(self, url: str, kind: str) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Migration",
        }

    def test_success_failure_and_delete_are_answered(
        self, answers: tuple[str, list[dict[str, Any]]], as_owner: World
    ) -> None:
        url, received = answers
        context = CommandContext()
        operations.handler(self.request(url, "Create"), context)
        edited = "UPDATE schema_migration SET checksum = 'of another text'"
        environment.LOOP.run(as_owner.owner.execute(edited))
        operations.handler(self.request(url, "Update") | {"PhysicalResourceId": "schema"}, context)
        operations.handler(self.request(url, "Delete") | {"PhysicalResourceId": "schema"}, context)
        assert [answer["Status"] for answer in received] == ["SUCCESS", "FAILED", "SUCCESS"]
        assert received[0]["Data"] == {"SchemaVersion": str(len(migrations.available()))}
        assert "0001_framework.sql was changed after it was applied" in received[1]["Reason"]
        assert {answer["PhysicalResourceId"] for answer in received} == {"schema"}


class CommandContext:
    """The parts of Lambda's context object that are used."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000
