"""The runner as a process: what a restart repeats, and which mappings it drives."""

import json
import time

from emulation.cloud import EmbeddedCloud
from tests.integration.conformance.lab import Lab
from tests.integration.emulation.metrics import metric
from tests.support import process_of
from tests.waiting import wait_until


def kill_runner(cloud: EmbeddedCloud) -> None:
    """Send SIGKILL, so that the runner has no chance to write anything down."""
    *_, runner = cloud.programs
    process_of(runner).kill()
    cloud.stop_runner()


def test_a_killed_runner_skips_nothing_and_repeats_only_what_was_in_flight(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r6"]}, "do": {"sleep": 3}})
    labels = [f"r{number}" for number in range(10)]
    lab.put(*labels)
    lab.make_mapping(BatchSize=2)
    lab.wait_for("r6")  # three batches are done, and the fourth is in flight
    kill_runner(cloud)
    lab.put("r10", "r11")
    cloud.start_runner()
    lab.wait_for("r11", seconds=30)
    assert lab.batches() == [
        ["r0", "r1"], ["r2", "r3"], ["r4", "r5"], ["r6", "r7"], ["r6", "r7"], ["r8", "r9"], ["r10", "r11"],
    ]  # fmt: skip


def test_latest_skips_nothing_when_the_runner_restarts_before_the_first_record(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function()
    lab.put("before")
    lab.make_mapping(StartingPosition="LATEST")
    polled = metric(cloud, "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", StreamName=lab.name)
    wait_until(lambda: polled("SampleCount"), "the mapping to poll", seconds=30)
    kill_runner(cloud)
    lab.put("while it was down")
    cloud.start_runner()
    lab.wait_for("while it was down", seconds=30)
    assert lab.batches() == [["while it was down"]]


def test_a_deleted_mapping_is_no_longer_driven(lab: Lab) -> None:
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping()
    lab.wait_for("r0")
    lab.function.delete_event_source_mapping(UUID=lab.mapping["UUID"])
    time.sleep(2)  # the runner looks every second
    lab.put("r1")
    lab.stays(lambda: lab.batches() == [["r0"]], seconds=2)


def test_a_mapping_of_cloudformation_is_driven_before_and_after_an_update(
    cloud: EmbeddedCloud, lab: Lab
) -> None:
    lab.make_stream()
    lab.make_function()
    cloudformation = cloud.client("cloudformation")

    def template(batch_size: int) -> str:
        properties = {
            "FunctionName": lab.name,
            "EventSourceArn": lab.stream_arn,
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": batch_size,
            "Enabled": True,
        }
        mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
        return json.dumps({"Resources": {"Mapping": mapping}})

    cloudformation.create_stack(StackName=lab.name, TemplateBody=template(1))
    lab.put("r0")
    lab.wait_for("r0")
    cloudformation.update_stack(StackName=lab.name, TemplateBody=template(2))
    lab.wait_until(lambda: [one["BatchSize"] for one in mappings_of(lab)] == [2])
    lab.put("r1")
    lab.wait_for("r1")
    cloudformation.delete_stack(StackName=lab.name)
    lab.wait_until(lambda: not mappings_of(lab))
    assert lab.batches() == [["r0"], ["r1"]]


def mappings_of(lab: Lab) -> list[dict[str, object]]:
    answer = lab.function.list_event_source_mappings(FunctionName=lab.name)
    return list(answer["EventSourceMappings"])


def test_a_broken_mapping_stops_no_other_and_says_why(lab: Lab) -> None:
    """The stream of one mapping is deleted and comes back, and the other mapping delivers all the while."""
    lab.make_stream()
    lab.make_function()
    other = Lab(lab.target)
    try:
        other.make_stream()
        other.make_function()
        lab.put("r0")
        lab.make_mapping(BatchSize=1)
        other.make_mapping(BatchSize=1)
        lab.wait_until(lambda: lab.last_result() == "OK")
        lab.kinesis.delete_stream(StreamName=lab.name)
        lab.wait_until(lambda: "not found" in lab.last_result())
        other.put("other")
        other.wait_for("other")
        lab.wait_until(lambda: other.last_result() == "OK")
        lab.make_stream()
        lab.put("r1")
        lab.wait_for("r1")
        lab.wait_until(lambda: lab.last_result() == "OK")
    finally:
        other.close()


def test_a_failing_function_shows_in_the_mapping(lab: Lab) -> None:
    lab.make_stream()
    lab.make_function({"do": {"raise": "not yet"}})
    lab.make_mapping()
    assert lab.last_result() == "No records processed"
    lab.put("r0")
    lab.wait_until(lambda: lab.last_result() == "PROBLEM: Function call failed")
    lab.heal()
    lab.wait_until(lambda: lab.last_result() == "OK")


def test_a_stream_that_is_made_again_is_read_from_its_start(lab: Lab) -> None:
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.kinesis.delete_stream(StreamName=lab.name)
    lab.make_stream()
    lab.put("r1", "r2")
    lab.wait_for("r1", "r2")
    assert lab.batches() == [["r0"], ["r1"], ["r2"]]
    lab.wait_until(lambda: lab.last_result() == "OK")


def test_what_a_split_shard_holds_survives_a_restart(cloud: EmbeddedCloud, lab: Lab) -> None:
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"sleep": 2}})
    lab.put("r0", "r1", "r2")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    kill_runner(cloud)
    lab.split_first_shard()
    lab.put("r3")
    cloud.start_runner()
    lab.wait_for("r1", "r2", "r3", seconds=30)
    order = [label for batch in lab.batches() for label in batch]
    assert order[-3:] == ["r1", "r2", "r3"]


def test_a_stack_s_stream_and_mapping_are_as_their_template_says(cloud: EmbeddedCloud, lab: Lab) -> None:
    """`Enabled: false` delivers nothing, another ShardCount loses nothing, and then all is delivered."""
    lab.make_function()
    cloudformation = cloud.client("cloudformation")

    def template(*, shards: int, enabled: bool, **settings: object) -> str:
        stream = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": lab.name, "ShardCount": shards}}
        properties = {
            "FunctionName": lab.name,
            "EventSourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
            "StartingPosition": "TRIM_HORIZON",
            "Enabled": enabled,
        }
        mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties | settings}
        return json.dumps({"Resources": {"Stream": stream, "Mapping": mapping}})

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=lab.name)["Stacks"][0]["StackStatus"])

    def update(body: str, wanted: str) -> None:
        cloudformation.update_stack(StackName=lab.name, TemplateBody=body)
        lab.wait_until(lambda: status() == wanted)

    cloudformation.create_stack(StackName=lab.name, TemplateBody=template(shards=1, enabled=False))
    lab.wait_until(lambda: status() == "CREATE_COMPLETE")
    assert [(one["State"], one["BatchSize"]) for one in mappings_of(lab)] == [("Disabled", 100)]
    lab.put("r0", "r1")
    lab.stays(lambda: not lab.batches(), seconds=3)
    update(template(shards=2, enabled=False), "UPDATE_COMPLETE")
    assert len(lab.open_shards()) == 2
    update(template(shards=5, enabled=False), "UPDATE_ROLLBACK_COMPLETE")
    update(template(shards=2, enabled=True, ParallelizationFactor=11), "UPDATE_ROLLBACK_COMPLETE")
    lab.put("r2")
    assert not lab.batches()
    update(template(shards=2, enabled=True), "UPDATE_COMPLETE")
    lab.wait_for("r0", "r1", "r2")
    cloudformation.delete_stack(StackName=lab.name)
    lab.wait_until(lambda: not mappings_of(lab))


def test_children_of_a_split_shard_are_read_at_once(lab: Lab) -> None:
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping()
    lab.wait_for("r0")
    lab.split_first_shard()
    sent = time.time()
    lab.put("r1")
    arrived = lab.wait_for("r1")[-1].at
    assert arrived - sent < 3
