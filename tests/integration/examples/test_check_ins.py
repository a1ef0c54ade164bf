"""Check-ins in both formats give the same, however they come; test_attendance.py deploys the pipeline."""

import json

from examples.attendance import PIPELINE
from spm.testing.kit import PipelineKit

CHECK_INS = [
    *(f"BADGE math-{number % 2} s{number} 2026-11-22T08:0{number}:00Z" for number in range(6)),
    *(
        json.dumps({"session_id": "math-1", "student_id": f"s{number}", "status": status})
        for number, status in enumerate(("late", "present", "late", "asleep"), start=6)
    ),
    "BADGE nobody",
]


def test_sessions_are_the_same_however_check_ins_come(spm_pipeline: PipelineKit) -> None:
    stored = spm_pipeline.check(PIPELINE, CHECK_INS)
    assert [row["event"] for row in stored.rejected] == [10, 11]
    sessions = {row["session_id"]: (row["check_ins"], row["late"]) for row in stored.report("sessions")}
    assert sessions == {"math-0": (3, 0), "math-1": (6, 2)}
    [only] = stored.report("sessions", session_id="math-0")
    assert f"{only['first_at']:%H:%M} to {only['last_at']:%H:%M}" == "08:00 to 08:04"
    assert [row["status"] for row in stored.report("student", student_id="s6")] == ["late"]
