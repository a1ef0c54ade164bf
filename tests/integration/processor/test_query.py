"""The reports of ``query``."""

import json
from typing import Any

import pytest

from processor.errors import CommandError
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import run
from tests.integration.processor.world import World, event, record, records


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
