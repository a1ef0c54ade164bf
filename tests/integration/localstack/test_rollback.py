"""A release whose processor fails, and the way back: docs/operations.md, "Roll back a bad processor"."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from spm.term import NativeEvent, generate
from tests.integration.localstack.checkout import copy_of_the_project
from tests.integration.localstack.cloud import Cloud, Environment
from tests.integration.localstack.events import count, entries_of, expected, send, stored, wait_for_rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.localstack, pytest.mark.long]

CONTEXT = {"environmentSuffix": "rollback", "processorTimeoutSeconds": "10"}
DEFECT = "this release cannot store anything"


def switch_mapping(environment: Environment, *, enabled: bool) -> None:
    """Do what the runbook's update-event-source-mapping does, and wait until it has happened."""
    functions = environment.aws.functions
    listed = functions.list_event_source_mappings(FunctionName=environment.stack.processor_name)
    uuid = listed["EventSourceMappings"][0]["UUID"]
    functions.update_event_source_mapping(UUID=uuid, Enabled=enabled)
    state = "Enabled" if enabled else "Disabled"
    wait_until(
        lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == state, f"state {state}", seconds=60
    )


def test_what_a_bad_processor_leaves_behind_the_release_before_it_stores(
    cloud: Cloud, tmp_path: Path
) -> None:
    environment = cloud.deploy(CONTEXT)
    events = generate(120, 20, seed=22)
    before, meanwhile = list(islice(events, 60)), list(islice(events, 60))
    send(environment, entries_of(before))
    wait_for_rows(cloud, before, seconds=60)

    bad = copy_of_the_project(tmp_path, cloud.aws_environment)
    handler = bad.folder / "processor" / "handler.py"
    code = handler.read_text()
    handler.write_text(code.replace("    started = ", f'    raise RuntimeError("{DEFECT}")\n    started = '))
    assert handler.read_text() != code
    cloud.deploy(CONTEXT, bad)
    send(environment, entries_of(meanwhile))
    wait_until(lambda: DEFECT in environment.processor_log(), "a failing batch", seconds=60)
    assert count(cloud, ids(meanwhile)) == 0

    # A retry that was under way when the mapping was disabled may still come, and find the good release.
    switch_mapping(environment, enabled=False)
    cloud.deploy(CONTEXT)
    switch_mapping(environment, enabled=True)

    wait_for_rows(cloud, meanwhile, seconds=120)
    assert stored(cloud, environment, before + meanwhile) == expected(environment, before + meanwhile)
    assert environment.failed_records() == {}


def ids(events: Sequence[NativeEvent]) -> list[str]:
    return [event["event_id"] for event in events]
