"""What ``status`` counts, and what it reads for that."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from processor import migrations
from processor.commands import status as status_module
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import run
from tests.integration.processor.world import World, record, records

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
