"""Filters, and mappings that change while they run, one scenario per rule, on every cloud."""

import time

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import (
    FILTERING,
    MAPPINGS,
    documented,
)

pytestmark = pytest.mark.long


# -- configuration -----------------------------------------------------------------------------------------


@documented(FILTERING)
def test_filter_on_data(lab: Lab) -> None:
    """Records whose data do not match the filter are dropped for good."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0", score=10)
    lab.put("r1", score=90)
    lab.put("r2", score=50)
    lab.make_mapping(
        BatchSize=10,
        FilterCriteria={"Filters": [{"Pattern": '{"data": {"score": [{"numeric": [">", 40]}]}}'}]},
    )
    lab.wait_for("r1", "r2")
    assert lab.batches() == [["r1", "r2"]]


@documented(FILTERING)
def test_filter_drops_what_is_not_json(lab: Lab) -> None:
    """Records whose data are not JSON do not match a filter on data."""
    lab.make_stream()
    lab.make_function()
    lab.kinesis.put_record(StreamName=lab.name, Data=b"\xff not JSON", PartitionKey="x")
    lab.put("r1")
    lab.make_mapping(FilterCriteria={"Filters": [{"Pattern": '{"data": {"label": ["r1"]}}'}]})
    lab.wait_for("r1")
    assert lab.batches() == [["r1"]]


@documented(MAPPINGS, needs="a wait for a poll under way")
def test_disable_and_enable(lab: Lab) -> None:
    """A disabled mapping delivers nothing, and goes on where it was when it is enabled again."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.update_mapping(Enabled=False)
    time.sleep(5 * lab.target.pace)  # a poll under way may still deliver
    lab.put("r1")
    lab.stays(lambda: lab.batches() == [["r0"]], seconds=5 * lab.target.pace)
    lab.update_mapping(Enabled=True)
    lab.wait_for("r1", seconds=60)
    assert lab.batches() == [["r0"], ["r1"]]


@documented(MAPPINGS, needs="a wait until the pollers have it")
def test_update_while_running(lab: Lab) -> None:
    """An updated batch size holds for the batches after the update."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.update_mapping(BatchSize=3, MaximumBatchingWindowInSeconds=30)
    time.sleep(6 * lab.target.pace)  # until the pollers know it
    lab.put("r1", "r2", "r3")
    lab.wait_for("r1", "r2", "r3", seconds=60)
    assert lab.batches()[1:] == [["r1", "r2", "r3"]]
