from emulation.runner.checkpoints import Checkpoint
from emulation.runner.lineage import ShardInfo, first_checkpoints, readable
from emulation.runner.mapping import EventSourceMapping, StartingPosition

PARENT = ShardInfo("p", is_closed=True)
CHILDREN = [ShardInfo("c1", ("p",)), ShardInfo("c2", ("p",))]


def mapping(position: StartingPosition, timestamp: float | None = None) -> EventSourceMapping:
    return EventSourceMapping(
        uuid="uuid",
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
        stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
        starting_position=position,
        starting_timestamp=timestamp,
    )


def test_children_wait_for_their_parent() -> None:
    assert readable([PARENT, *CHILDREN], finished=[]) == ["p"]
    assert readable([PARENT, *CHILDREN], finished=["p"]) == ["c1", "c2"]


def test_a_merged_shard_waits_for_both_parents() -> None:
    merged = ShardInfo("m", ("a", "b"))
    shards = [ShardInfo("a", is_closed=True), ShardInfo("b", is_closed=True), merged]
    assert readable(shards, finished=["a"]) == ["b"]
    assert readable(shards, finished=["a", "b"]) == ["m"]


def test_a_parent_that_has_left_the_stream_is_not_waited_for() -> None:
    assert readable(CHILDREN, finished=[]) == ["c1", "c2"]


def test_trim_horizon_begins_with_the_oldest() -> None:
    assert first_checkpoints([PARENT], mapping("TRIM_HORIZON"), now=7.0) == {"p": Checkpoint()}


def test_latest_is_the_moment_of_the_first_poll_and_has_no_use_for_closed_shards() -> None:
    checkpoints = first_checkpoints([PARENT, *CHILDREN], mapping("LATEST"), now=7.0)
    assert checkpoints["p"].finished
    assert checkpoints["c1"] == Checkpoint(starting_at=7.0)
    finished = [shard for shard, checkpoint in checkpoints.items() if checkpoint.finished]
    assert readable([PARENT, *CHILDREN], finished) == ["c1", "c2"]


def test_at_timestamp() -> None:
    found = first_checkpoints([PARENT], mapping("AT_TIMESTAMP", 5.0), now=7.0)
    assert found == {"p": Checkpoint(starting_at=5.0)}
