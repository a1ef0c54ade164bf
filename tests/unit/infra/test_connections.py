import pytest

from infra.config import Config, ConfigError
from infra.connections import MEMORY_GIB, max_connections, needed_connections
from infra.context import read_config


def aws(**context: object) -> Config:
    return read_config({"target": "aws", **context}, {})


def test_bigger_classes_of_a_family_take_more_connections() -> None:
    for family in ("t4g", "m7g", "m8g", "r7g", "r8g"):
        counts = [max_connections(c) for c in MEMORY_GIB if c.startswith(family)]
        assert counts == sorted(counts)
        assert counts[0] > 0


def test_no_class_takes_more_than_rds_allows() -> None:
    assert all(max_connections(c) <= 5000 for c in MEMORY_GIB)


def test_every_consumer_counts_twice_beside_what_is_kept() -> None:
    kept = needed_connections(consumers=0, processors=1)
    assert needed_connections(consumers=6, processors=1) == kept + 12
    assert needed_connections(consumers=6, processors=2) == kept + 24


def test_what_a_stream_keeps_busy_is_its_shards_or_what_is_reserved() -> None:
    assert aws(shardCount=3, parallelizationFactor=2).consumers == 6
    assert aws(streamMode="on-demand", processorConcurrency=20).consumers == 20


def test_an_overdrawn_budget_names_what_would_fit() -> None:
    with pytest.raises(ConfigError) as refused:
        aws(shardCount=10, parallelizationFactor=10)
    message = str(refused.value)
    assert message.startswith("context databaseInstanceClass: t4g.small takes ")
    assert "shardCount x parallelizationFactor may open 237" in message
    assert "t4g.medium" in message
    assert aws(shardCount=10, parallelizationFactor=10, databaseInstanceClass="t4g.medium")


def test_local_targets_have_no_instance_class_to_check() -> None:
    context = {"target": "localstack", "shardCount": 100, "parallelizationFactor": 10}
    assert read_config(context, {}).shard_count == 100
