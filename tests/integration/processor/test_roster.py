"""The roster's commands on a real PostgreSQL: staging, applying, showing, checking."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from processor.errors import CommandError
from processor.storage.session import Session
from tests.integration.processor.asking import run
from tests.integration.processor.rosters import ADA, BOB, COURSE, ESSAY, NAMES, ROSTER, TEACHER, apply, stage
from tests.integration.processor.world import World, event, record

TABLES = ("courses", "assessments", "enrolments", "people")


def counts(new: int = 0, changed: int = 0, ended: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"new": new, "changed": changed, "ended": ended, "unchanged": unchanged}


async def stored(world: World) -> dict[str, list[tuple[Any, ...]]]:
    tables = {
        "course": "SELECT * FROM course ORDER BY id",
        "assessment": "SELECT * FROM assessment ORDER BY course, id",
        "enrolment": "SELECT * FROM enrolment ORDER BY course, person, role",
        "person": "SELECT * FROM person ORDER BY id",
    }
    return {name: [tuple(row) for row in await world.owner.fetch(sql)] for name, sql in tables.items()}


class TestImport:
    async def test_adds_what_is_new_and_the_same_again_changes_nothing(
        self, world: World, session: Session
    ) -> None:
        assert await apply(session, ROSTER) == dict(zip(TABLES, map(counts, (1, 1, 3, 2)), strict=True))
        before = await stored(world)
        again = await apply(session, ROSTER)
        assert again == {
            name: counts(unchanged=number) for name, number in zip(TABLES, (1, 1, 3, 2), strict=True)
        }
        assert await stored(world) == before
        assert await world.owner.fetchval("SELECT count(*) FROM roster_chunk") == 0

    async def test_a_due_date_without_offset_is_in_the_courses_time_zone(
        self, world: World, session: Session
    ) -> None:
        with_offset = ESSAY | {"id": "A2", "due_at": "2026-09-30T23:59:59-05:00"}
        await apply(session, ROSTER, {"assessments": [with_offset]})
        due = await world.owner.fetch("SELECT due_at FROM assessment ORDER BY id")
        assert [row["due_at"] for row in due] == [
            datetime(2026, 9, 30, 21, 59, 59, tzinfo=UTC),
            datetime(2026, 10, 1, 4, 59, 59, tzinfo=UTC),
        ]

    async def test_tells_new_changed_ended_and_unchanged_apart(self, session: Session) -> None:
        await apply(session, ROSTER)
        cleo = {"course": "math", "person": "cleo", "role": "student"}
        left = BOB | {"ends": "2026-09-01"}
        later = ADA | {"begins": "2026-08-15"}
        tables = await apply(session, {"enrolments": [cleo, left, later, TEACHER]})
        assert tables["enrolments"] == counts(1, 1, 1, 1)
        assert tables["courses"] == counts()

    async def test_a_dry_run_tells_the_same_and_changes_nothing(self, world: World, session: Session) -> None:
        await apply(session, ROSTER)
        before = await stored(world)
        changed = ROSTER | {"courses": [COURSE | {"title": "Mathematics"}], "people": []}
        planned = await apply(session, changed, dry_run=True)
        assert await stored(world) == before
        assert planned["courses"] == counts(changed=1)
        assert await apply(session, changed) == planned

    async def test_what_is_deleted_ends_and_stays_ended(self, world: World, session: Session) -> None:
        await apply(session, ROSTER)
        over = {"deleted": True, "ends": "2026-10-01"}
        gone = {
            "courses": [COURSE | over],
            "assessments": [ESSAY | {"deleted": True}],
            "enrolments": [BOB | over],
            "people": [NAMES[0] | over],
        }
        tables = await apply(session, gone)
        assert {name: table["ended"] for name, table in tables.items()} == {
            "courses": 1,
            "assessments": 1,
            "enrolments": 2,  # the deleted person's too
            "people": 1,
        }
        before = await stored(world)
        assert [row[0] for row in before["person"]] == ["turing"]
        assert before["assessment"][0][-1] is False
        later = {
            table: [row | ({"ends": "2026-11-01"} if "ends" in row else {}) for row in rows]
            for table, rows in gone.items()
        }
        assert await apply(session, later) == {
            "courses": counts(unchanged=1),
            "assessments": counts(unchanged=1),
            "enrolments": counts(unchanged=1),
            "people": counts(unchanged=1),
        }
        assert await stored(world) == before

    async def test_somebody_deleted_before_they_began_was_never_there(
        self, world: World, session: Session
    ) -> None:
        early = {"courses": [COURSE], "enrolments": [ADA | {"deleted": True, "ends": "2026-07-01"}]}
        await apply(session, early)
        assert await world.owner.fetchval("SELECT ends - begins FROM enrolment") == 0

    async def test_an_unknown_course_is_named_and_nothing_is_applied(
        self, world: World, session: Session
    ) -> None:
        rows = ROSTER | {"enrolments": [ADA, ADA | {"course": "art"}]}
        answer = await run(session, "roster_import", **await stage(session, rows))
        assert (answer["unknown_courses"], answer["applied"]) == (["art"], False)
        assert await stored(world) == {"course": [], "assessment": [], "enrolment": [], "person": []}

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            ({"courses": [COURSE, COURSE]}, "cannot affect row a second time"),
            ({"courses": [COURSE | {"time_zone": "Berlin"}]}, 'time zone "Berlin" not recognized'),
        ],
    )
    async def test_what_only_postgresql_refuses_is_refused_whole(
        self, world: World, session: Session, rows: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(CommandError, match=f"nothing was imported: .*{told}"):
            await apply(session, rows)
        assert (await stored(world))["course"] == []

    @pytest.mark.parametrize(
        ("table", "row", "told"),
        [
            ("enrolments", ADA | {"role": "parent"}, r"\$\.rows\.enrolments\[0\]\.role"),
            ("enrolments", ADA | {"person": "x" * 51}, r"rows\.enrolments\[0\]\.person has 51 characters"),
            ("courses", COURSE | {"ends": "2026-07-31"}, r"rows\.courses\[0\]\.ends is 2026-07-31, before"),
            ("assessments", ESSAY | {"due_at": "0001-01-01T00:00:00+23:59"}, r"due_at is in the year 1,"),
            ("assessments", ESSAY | {"max_score": 0}, r"\$\.rows\.assessments\[0\]\.max_score"),
            ("people", {"id": "", "display_name": "x"}, r"\$\.rows\.people\[0\]\.id"),
        ],
    )
    async def test_a_wrong_row_is_refused_by_its_path(
        self, session: Session, table: str, row: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(CommandError, match=told):
            await stage(session, {table: [row]})

    async def test_a_missing_chunk_is_noticed(self, session: Session) -> None:
        staged = await stage(session, ROSTER)
        with pytest.raises(CommandError, match="1 of the import's 2 chunks"):
            await run(session, "roster_import", **staged | {"chunks": 2})
        await run(session, "roster_import", **staged)
        with pytest.raises(
            CommandError, match="0 of the import's 1 chunks are staged: it was applied already"
        ):
            await run(session, "roster_import", **staged)

    async def test_a_chunk_sent_twice_counts_once(self, session: Session) -> None:
        staged = await stage(session, ROSTER)
        await run(session, "roster_stage", import_id=staged["import_id"], number=0, rows=ROSTER)
        assert (await run(session, "roster_import", **staged))["tables"]["enrolments"] == counts(new=3)

    async def test_it_does_not_matter_how_rows_are_cut_into_chunks(
        self, world: World, clean_world: World, session: Session
    ) -> None:
        """Each row is a chunk of its own, and rows that refer to a course come before the course."""
        await apply(session, *({table: [row]} for table in reversed(TABLES) for row in ROSTER[table]))
        await apply(Session(clean_world.owner), ROSTER)
        assert await stored(world) == await stored(clean_world)

    async def test_chunks_that_lay_for_a_day_are_forgotten(self, world: World, session: Session) -> None:
        await stage(session, ROSTER)
        await world.owner.execute(
            "UPDATE roster_chunk SET staged_at = staged_at - $1::interval", timedelta(2)
        )
        await stage(session, {"people": NAMES})
        assert await world.owner.fetchval("SELECT count(*) FROM roster_chunk") == 1


class TestShow:
    async def test_lists_courses_with_how_many_take_and_teach_them_today(self, session: Session) -> None:
        left = BOB | {"ends": "2026-09-01"}
        await apply(session, ROSTER | {"enrolments": [ADA, left, TEACHER]})
        shown = await run(session, "roster_show")
        assert shown["courses"] == [
            COURSE | {"ends": None, "students": 1, "teachers": 1, "assessments": 1},
        ]
        assert shown["totals"] == {
            "courses": 1,
            "assessments": 1,
            "enrolments": 3,
            "students": 2,
            "teachers": 1,
            "people": 2,
        }

    async def test_pages_through_a_courses_people(self, session: Session) -> None:
        await apply(session, ROSTER)
        seen: list[tuple[str, str | None]] = []
        after = None
        while True:
            page = await run(session, "roster_show", table="enrolments", course="math", after=after, limit=1)
            seen += [(row["person"], row["display_name"]) for row in page["enrolments"]]
            after = page["next"]
            if after is None:
                break
        assert seen == [("ada", "Ada Lovelace"), ("bob", None), ("turing", "Alan Turing")]

    async def test_assessments_are_of_a_course(self, session: Session) -> None:
        await apply(session, ROSTER)
        shown = await run(session, "roster_show", table="assessments", course="math")
        assert shown["assessments"] == [
            {
                "id": "A1",
                "title": "Essay",
                "due_at": "2026-09-30T21:59:59Z",
                "max_score": 20.0,
                "counts": True,
            }
        ]
        with pytest.raises(CommandError, match="course is missing"):
            await run(session, "roster_show", table="assessments")


class TestCheck:
    async def test_of_an_empty_log(self, session: Session) -> None:
        answer = await run(session, "roster_check")
        assert (answer["events"], answer["students"]) == (0, 0)
        assert {finding["events"] for finding in answer["findings"].values()} == {0}

    async def test_counts_events_that_found_no_person_course_or_assessment(
        self, world: World, session: Session
    ) -> None:
        await apply(session, ROSTER)
        metadata: list[tuple[str, dict[str, str]]] = [
            ("ada", {"course": "math", "assessment": "A1"}),
            ("ada", {"course": "math", "assessment": "A9"}),
            ("ada", {}),
            ("stranger", {"course": "math"}),
            ("stranger", {"course": "art", "assessment": "A1"}),
            ("turing", {"course": "math"}),
        ]
        sent = [
            event(number, student_id=student, metadata=found)
            for number, (student, found) in enumerate(metadata)
        ]
        await world.deliver([record(number, data) for number, data in enumerate(sent)])
        answer = await run(session, "roster_check")
        assert (answer["events"], answer["students"]) == (6, 3)
        assert answer["findings"] == {
            "without_course": {"events": 1, "ids": 1, "examples": ["ada"]},
            "unknown_person": {"events": 2, "ids": 1, "examples": ["stranger"]},
            "unknown_course": {"events": 1, "ids": 1, "examples": ["art"]},
            "not_enrolled": {"events": 1, "ids": 1, "examples": ["turing in math"]},
            "unknown_assessment": {"events": 1, "ids": 1, "examples": ["A9 of math"]},
        }
        assert (await run(session, "roster_check", events=2))["events"] == 2
