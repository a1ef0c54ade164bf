"""Rejected records: what lists, redrives and dismisses them."""

import base64
from typing import Any

import pytest

from processor.errors import CommandError
from processor.storage.session import Session
from tests.integration.processor.asking import run
from tests.integration.processor.world import World, event, record, records


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
