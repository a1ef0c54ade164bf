"""One mapping's trouble does not touch the others, even if it is one that AWS would never list."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulation.runner.checkpoints import Checkpoint, CheckpointFolder
from emulation.runner.service import Runner

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
FILTERS = {
    "malformed": '{"data":{"$or":["x"]}}',
    "deep": '{"data":' * 2000 + "[1]" + "}" * 2000,
    "numeric": '{"data":{"a":[{"numeric":[">"]}]}}',
    "prefix": '{"data":{"a":[{"prefix":5}]}}',
}


def listed(uuid: str, **more: Any) -> dict[str, Any]:
    return {
        "UUID": uuid,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "EventSourceArn": STREAM,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Enabled",
        "LastProcessingResult": "No records processed",
        **more,
    }


class FakeAws:
    """A boto3 session whose services answer from memory."""

    def __init__(self, *mappings: dict[str, Any]) -> None:
        self.mappings = list(mappings)
        self.shown: dict[str, str] = {}
        self.listed: list[str] = []  # the streams whose shards were asked for

    def client(self, service: str, **_: object) -> Any:
        return {"lambda": self._lambda, "kinesis": self._kinesis}.get(service, SimpleNamespace)()

    def _lambda(self) -> Any:
        pages = [{"EventSourceMappings": self.mappings}]
        return SimpleNamespace(
            get_paginator=lambda _: SimpleNamespace(paginate=lambda: pages),
            get_function_configuration=lambda **_: {"Role": "role"},
            tag_resource=self._tag,
            invoke=lambda **_: {
                "ResponseMetadata": {"RequestId": "id"},
                "StatusCode": 200,
                "Payload": io.BytesIO(b"null"),
            },
        )

    def _tag(self, Resource: str, Tags: dict[str, str]) -> None:  # noqa: N803 - boto3's names
        uuid = Resource.rsplit(":", 1)[-1]
        self.shown[uuid] = Tags["emulation:LastProcessingResult"]
        for mapping in self.mappings:
            if mapping["UUID"] == uuid:
                mapping["LastProcessingResult"] = self.shown[uuid]

    def _kinesis(self) -> Any:
        def paginate(StreamARN: str) -> Any:  # noqa: N803 - boto3's name
            self.listed.append(StreamARN)
            if StreamARN != STREAM:
                error: Any = {"Code": "ResourceNotFoundException", "Message": "Stream gone not found"}
                raise ClientError({"Error": error}, "ListShards")
            return [{"Shards": []}]

        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))


@pytest.mark.parametrize("pattern", FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_that_cannot_be_followed_stops_its_own_mapping_only(pattern: str, tmp_path: Path) -> None:
    bad = listed("bad", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    aws = FakeAws(bad, listed("good"), listed("lost", EventSourceArn=f"{STREAM}-gone"))
    runner = Runner(aws, CheckpointFolder(tmp_path))
    runner.reconcile()
    assert aws.shown["bad"].startswith("PROBLEM: The filter pattern")
    assert aws.shown["lost"] == "PROBLEM: Stream gone not found"
    assert "good" not in aws.shown  # there is nothing to show
    assert aws.listed == [STREAM, f"{STREAM}-gone"]  # of the good and the lost mapping


def test_a_mapping_that_becomes_invalid_keeps_its_place(tmp_path: Path) -> None:
    mapping = listed("one")
    aws = FakeAws(mapping)
    folder = CheckpointFolder(tmp_path)
    runner = Runner(aws, folder)
    runner.reconcile()
    folder.save("one", "shard", Checkpoint(sequence="7"))
    mapping["BatchSize"] = 10_001
    runner.reconcile()
    assert "BatchSize is 10001" in aws.shown["one"]
    mapping["BatchSize"] = 10
    runner.reconcile()
    assert aws.shown["one"] == "No records processed"
    assert folder.load("one") == {"shard": Checkpoint(sequence="7")}
    aws.mappings.clear()
    runner.reconcile()
    assert folder.load("one") == {}


def test_a_defect_stops_only_its_own_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws(listed("one"), listed("two", EventSourceArn=f"{STREAM}-gone"))
    runner = Runner(aws, CheckpointFolder(tmp_path))

    def fail(_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("emulation.runner.mapping_runner.MappingRunner.refresh", fail)
    runner.reconcile()
    assert aws.shown == {"one": "PROBLEM: a defect", "two": "PROBLEM: a defect"}
