"""The export of a student holds everything about that student and nothing about anybody else."""

import json
from typing import Any

import msgspec
import pytest

from examples.library_loans import PIPELINE as LOANS
from processor import migrations
from processor.commands import room
from processor.commands.command import About
from processor.commands.export_student import ExportStudent, StudentTable
from processor.errors import CommandError
from processor.records import kpl
from processor.settings import Settings
from processor.storage.session import Session
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.test_privacy import PRIVACY, personal
from tests.integration.processor.world import World, record

SETTINGS = Settings("arn:secret", pipelines={SHIPPED.name: SHIPPED, LOANS.name: LOANS})
ELSEWHERE = {("event_identity", "event_id"): "student_performance"}
"""Personal columns that another table's part of the export shows."""
LEFT_OUT = {"tombstone"}
"""A tombstone holds only the hash of an erased student's id, which tells that student nothing."""

ROWS = """
    INSERT INTO course (id, title, time_zone) VALUES ('MATH', 'Algebra', 'Europe/Berlin')
    ON CONFLICT DO NOTHING;
    INSERT INTO assessment (course, id, title) VALUES ('MATH', 'A1', 'Essay') ON CONFLICT DO NOTHING;
    INSERT INTO enrolment (course, person, role) VALUES ('MATH', '{student}', 'student');
    INSERT INTO person VALUES ('{student}', 'Name of {student}');
    INSERT INTO assessment_exception VALUES ('MATH', 'A1', '{student}', '2026-12-01', false);
    INSERT INTO roster_chunk (import, number, rows) VALUES (
        gen_random_uuid(), 0, '{{"people": [{{"id": "{student}", "display_name": "New name of {student}"}}]}}'
    );
    INSERT INTO student_activity VALUES ('{student}', '2026-11-01', '2026-11-01', 1, 0, 0, 0, now(), now());
    INSERT INTO risk
    VALUES ('MATH', '{student}', 1, 'high', '[{{"sentence": "of {student}"}}]', now(), now());
    WITH change AS (
        INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)
        VALUES ('MATH', '{student}', 'none', 'high', 2, '[{{"sentence": "then of {student}"}}]', now())
        RETURNING id
    )
    INSERT INTO alert (change_id, channel, message, taken_at)
    SELECT id, 'webhook', gen_random_uuid(), now() FROM change;
    INSERT INTO follow_up (id, who, course, student, note)
    VALUES (gen_random_uuid(), 'turing', 'MATH', '{student}', 'Called {student}');
    INSERT INTO access_log (who, request_id, command, student_id)
    VALUES ('turing', 'r1', 'student', '{student}');
"""


def sent(student: str, **members: Any) -> bytes:
    metadata = {"course": "MATH", "assessment": "A1"}
    event = {"student_id": student, "event_type": "quiz", "score": 3, "metadata": metadata} | members
    return json.dumps(event).encode()


@pytest.fixture
async def session(world: World) -> Session:
    """The session of a database that holds something about two students in every table."""
    await migrations.migrate(world.owner, world.login, [SHIPPED, LOANS])
    for number, student in enumerate(("ada", "mallory")):
        await world.deliver([record(10 * number + n, sent(student)) for n in range(3)])
        await world.deliver([record(10 * number + 3, sent(student, score="three"))])  # this one is rejected
        await world.owner.execute(ROWS.format(student=student))
    await world.pipeline.upkeep.compact(world.owner)
    world.pipeline = LOANS
    loan = {"barcode": "b1", "action": "borrowed"}
    for number, student in enumerate(("ada", "mallory"), start=30):
        await world.deliver([record(number, json.dumps({"student_id": student, **loan}).encode())])
    return Session(world.owner)


async def everything(session: Session, student: str) -> tuple[dict[str, StudentTable], int]:
    """Return the tables by name, and how many answers it took to get them."""
    found: dict[str, StudentTable] = {}
    wanted, answers = ExportStudent(student=student), 0
    while True:
        answer = await wanted.run(session, SETTINGS)
        answers += 1
        for table in answer.tables:
            found.setdefault(table.name, msgspec.structs.replace(table, rows=[])).rows.extend(table.rows)
        if answer.next is None:
            return found, answers
        wanted = ExportStudent(student=student, after=answer.next)


async def test_everything_that_the_inventory_declares_is_in_it(session: Session) -> None:
    found, _ = await everything(session, "ada")
    declared = personal(PRIVACY.read_text(encoding="utf-8"))
    assert len(declared) > 30
    for table, column in (one for one in declared if one[0] not in LEFT_OUT):
        part = found[ELSEWHERE.get((table, column), table)]
        assert column in [one.name for one in part.columns], f"{table}.{column} is missing"
    assert [name for name, table in found.items() if not table.rows] == []
    assert len(found["library_loans"].rows) == 1


async def test_nothing_of_anybody_else_is_in_it(session: Session) -> None:
    found, _ = await everything(session, "ada")
    assert "mallory" not in msgspec.json.encode(found).decode()
    assert len(found["student_performance"].rows) == 3
    nobody, _ = await everything(session, "adam")
    assert {name: len(table.rows) for name, table in nobody.items() if table.rows} == {}


async def test_answers_of_any_size_hold_every_row_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, answers = await everything(session, "ada")
    assert answers == 1
    monkeypatch.setattr(room, "ANSWER_BYTES", 400)
    several, answers = await everything(session, "ada")
    assert answers > 5
    assert several == whole


async def test_a_rejected_record_is_shown_where_it_is_about_the_student_alone(
    world: World, session: Session
) -> None:
    mine = [b'{"student_id": "zo\\u00eb"', b"zo\xc3\xab,quiz,3", b'{"actor": {"mbox": "mailto:zo\xc3\xab"}}']
    others = [
        sent("bob", event_type=None, metadata={"with": "zoë"}),
        b"zo\xc3\xab-2,quiz",
        b"not zo",
    ]
    world.pipeline = SHIPPED
    shared = kpl.MAGIC + b"broken, of zo\xc3\xab and others"
    await world.deliver([record(50 + n, data) for n, data in enumerate([*mine, *others, shared])])
    found, _ = await everything(session, "zoë")
    names = [column.name for column in found["rejected_event"].columns]
    rows = [dict(zip(names, row, strict=True)) for row in found["rejected_event"].rows]
    assert sorted(str(row["payload"]) for row in rows) == sorted(
        [*(msgspec.to_builtins(payload) for payload in mine), "None"]
    )
    assert [row["reason"] for row in rows if row["payload"] is None] == ["broken_aggregate"]


@pytest.mark.parametrize("after", ["person", "person/x", "nothing/1", "person/1\n", "person/²", ""])
async def test_a_place_that_no_answer_gave_is_refused(world: World, after: str) -> None:
    with pytest.raises(CommandError, match="use the `next` of the previous answer"):
        await ExportStudent(student="ada", after=after).run(Session(world.owner), Settings("arn:secret"))


def test_whoever_asks_is_noted() -> None:
    assert ExportStudent(student="ada").about() == About("ada", None)
    assert ExportStudent.function == "operations"
