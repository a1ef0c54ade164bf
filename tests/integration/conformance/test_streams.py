"""Streams in Kinesis: shards that are split and merged, and several consumers of one stream."""

import time

import pytest

from tests.integration.conformance.lab import Lab
from tests.integration.conformance.rules import EVENTS, MAPPINGS, RESHARDING, documented, labels

pytestmark = pytest.mark.long


@documented(RESHARDING)
def test_parents_before_children(lab: Lab) -> None:
    """The records of a split shard are done before those of its children are delivered."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"raise": "not yet"}})
    lab.put("r0", "r1")
    lab.make_mapping(BatchSize=1)
    lab.split_first_shard()
    lab.put("r2", "r3", "r4")
    lab.wait_for_deliveries(2)
    lab.heal()
    lab.wait_for("r1", "r2", "r3", "r4", seconds=60)
    order = [delivery.labels[0] for delivery in lab.deliveries()]
    assert order.index("r1") < min(order.index(child) for child in ("r2", "r3", "r4"))


@documented(RESHARDING)
def test_split_keeps_what_is_unread(lab: Lab) -> None:
    """A split shard's records can be read until their retention ends, also by a mapping that begins later."""
    lab.make_stream()
    lab.make_function()
    lab.put(*labels(5))
    lab.split_first_shard()
    lab.put("r5")
    lab.make_mapping()
    lab.wait_for(*labels(6))
    assert lab.batches()[0] == labels(5)


@documented(RESHARDING)
def test_merge_keeps_what_is_unread(lab: Lab) -> None:
    """The records of merged shards can be read until their retention ends, and come before the child's."""
    lab.make_stream(shards=2)
    lab.make_function()
    lab.put_to_shard("low", 0)
    lab.put_to_shard("high", 1)
    lab.merge_first_shards()
    lab.put_to_shard("merged", 0)
    lab.make_mapping(BatchSize=1)
    lab.wait_for("low", "high", "merged")
    assert lab.batches()[-1] == ["merged"]


@documented("https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html")
def test_update_shard_count_keeps_what_is_unread(lab: Lab) -> None:
    """UpdateShardCount splits and merges shards, and no unread record is lost."""
    lab.make_stream(shards=2)
    lab.make_function()
    lab.put(*labels(8))
    for target in (3, 2, 4):
        lab.kinesis.update_shard_count(
            StreamName=lab.name, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
        )
        lab.wait_until_active()
        assert len(lab.open_shards()) == target
    lab.put("r8")
    lab.make_mapping()
    lab.wait_for(*labels(9))


@documented("https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html")
def test_update_shard_count_is_limited(lab: Lab) -> None:
    """UpdateShardCount takes at most double the open shards, and at least half of them."""
    lab.make_stream()
    with pytest.raises(lab.kinesis.exceptions.ClientError, match="shard"):
        lab.kinesis.update_shard_count(StreamName=lab.name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    assert len(lab.open_shards()) == 1


@documented(EVENTS)
def test_two_functions_on_one_stream(lab: Lab) -> None:
    """Each function gets every record, in order, and one's failures do not hold back the other."""
    other = f"{lab.name}-other"
    lab.make_stream()
    lab.make_function({"do": {"raise": "never"}})
    lab.make_function(name=other)
    lab.put(*labels(3))
    lab.make_mapping(BatchSize=1)
    lab.make_mapping(BatchSize=1, FunctionName=other)
    lab.wait_for(*labels(3))
    theirs = [one.labels for one in lab.deliveries() if one.function.endswith(":" + other)]
    assert theirs == [["r0"], ["r1"], ["r2"]]


@documented("https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html")
def test_alias(lab: Lab) -> None:
    """A mapping of an alias invokes the version that the alias points to."""
    lab.make_stream()
    lab.make_function()
    version = lab.function.publish_version(FunctionName=lab.name)["Version"]
    lab.function.create_alias(FunctionName=lab.name, Name="live", FunctionVersion=version)
    lab.put("r0")
    lab.make_mapping(FunctionName=f"{lab.name}:live")
    assert lab.mapping["FunctionArn"].endswith(f":{lab.name}:live")
    assert lab.wait_for("r0")[0].function.endswith(f":{lab.name}:live")


@documented(MAPPINGS, needs="a wait until the pollers have it")
def test_other_parallelization_factor_under_load(lab: Lab) -> None:
    """A new ParallelizationFactor skips no record and keeps the order of each partition key."""
    lab.make_stream()
    lab.make_function({"do": {"sleep": 0.1 * lab.target.pace}})
    lab.make_mapping(BatchSize=2)
    sent = [(f"key{number % 4}", f"r{number}") for number in range(40)]
    for number, (key, label) in enumerate(sent):
        lab.put(label, key=key)
        if number in {10, 25}:
            lab.update_mapping(ParallelizationFactor=number // 5)
    lab.wait_for(*labels(40), seconds=60)
    firsts = list(dict.fromkeys(label for batch in lab.batches() for label in batch))
    for key in {key for key, _ in sent}:
        mine = [label for one, label in sent if one == key]
        assert [label for label in firsts if label in mine] == mine


@documented("https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html")
def test_code_update_in_mid_batch(lab: Lab) -> None:
    """A batch under way ends with the code it began with; the next ones run the new code."""
    lab.make_stream()
    lab.make_function({"when": {"contains": ["r0"]}, "do": {"sleep": 3 * lab.target.pace}})
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.replace_code(b'"labels": labels,', b'"labels": [f"new {label}" for label in labels],')
    lab.put("r1")
    lab.wait_for("new r1", seconds=60)
    assert lab.batches() == [["r0"], ["new r1"]]


@documented(MAPPINGS, needs="a wait until the pollers have it")
def test_deleted_and_made_again(lab: Lab) -> None:
    """A mapping that is deleted and made again begins where its StartingPosition says."""
    lab.make_stream()
    lab.make_function()
    lab.put("r0")
    lab.make_mapping(BatchSize=1)
    lab.wait_for("r0")
    lab.delete_mapping()
    time.sleep(6 * lab.target.pace)
    lab.put("r1")
    lab.make_mapping(BatchSize=2)
    lab.wait_for("r1")
    assert lab.batches() == [["r0"], ["r0", "r1"]]
