"""A small roster, and how tests import rosters."""

import uuid
from typing import Any

from processor.storage.session import Session
from tests.integration.processor.asking import run

COURSE = {"id": "math", "title": "Maths", "time_zone": "Europe/Berlin", "begins": "2026-08-01"}
ESSAY = {"course": "math", "id": "A1", "title": "Essay", "due_at": "2026-09-30T23:59:59", "max_score": 20}
ADA = {"course": "math", "person": "ada", "role": "student", "begins": "2026-08-01"}
BOB = {"course": "math", "person": "bob", "role": "student"}
TEACHER = {"course": "math", "person": "turing", "role": "teacher"}
NAMES = [{"id": "ada", "display_name": "Ada Lovelace"}, {"id": "turing", "display_name": "Alan Turing"}]
ROSTER: dict[str, list[dict[str, Any]]] = {
    "courses": [COURSE],
    "assessments": [ESSAY],
    "enrolments": [ADA, BOB, TEACHER],
    "people": NAMES,
}


async def stage(session: Session, *chunks: dict[str, Any]) -> dict[str, Any]:
    """Stage the chunks; return the parameters that apply them."""
    import_id = str(uuid.uuid4())
    for number, rows in enumerate(chunks):
        await run(session, "roster_stage", import_id=import_id, number=number, rows=rows)
    return {"import_id": import_id, "chunks": len(chunks)}


async def apply(
    session: Session, *chunks: dict[str, Any], dry_run: bool = False
) -> dict[str, dict[str, int]]:
    answer = await run(session, "roster_import", **await stage(session, *chunks), dry_run=dry_run)
    assert answer["unknown_courses"] == []
    assert answer["applied"] is not dry_run
    tables: dict[str, dict[str, int]] = answer["tables"]
    return tables
