"""A second pipeline beside the first, where each function migrates for itself."""

import json
from dataclasses import replace

import pytest

from processor.commands.query import Query
from processor.commands.status import Status
from spm.aws.stack import find
from spm.publishing.put_records import Entry
from tests.integration.localstack.cloud import Cloud
from tests.integration.localstack.events import send
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack

SUFFIX = "pair"


def test_check_ins_are_stored_and_rejected_beside_the_first_pipeline(cloud: Cloud) -> None:
    context = {"environmentSuffix": SUFFIX, "pipelines": "processor.student_performance examples.attendance"}
    environment = cloud.deploy(context)
    attendance = replace(environment, stack=find(environment.aws, SUFFIX, "attendance"))
    check_ins = [
        {
            "session_id": f"math-{number % 3}",
            "student_id": f"s{number}",
            "status": "present",
            "timestamp": f"2026-11-22T08:{number:02}:00Z",
        }
        for number in range(30)
    ]
    entries = [Entry(json.dumps(check_in).encode(), check_in["student_id"]) for check_in in check_ins]
    send(attendance, [*entries, Entry(b"BADGE nobody", "x")])

    def status() -> dict[str, int]:
        answer = environment.commands.run(Status(pipeline="attendance"))
        return {"stored": answer.stored, "rejected": answer.rejected}

    wait_until(lambda: status() == {"stored": 30, "rejected": 1}, "the check-ins", seconds=120)
    sessions = environment.commands.run(Query("sessions", pipeline="attendance")).rows
    assert sorted(row[:2] for row in sessions) == [["math-0", 10], ["math-1", 10], ["math-2", 10]]
