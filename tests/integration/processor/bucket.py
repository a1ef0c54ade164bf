"""A bucket of failed records for a world without a deployment: MiniStack's, with versions."""

import base64
import io
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from processor.records.kinesis import KinesisRecord
from processor.student_performance import PIPELINE as SHIPPED
from spm.aws import erasure
from spm.aws.redelivery import Receipt, failed_objects, records_in, replay_failed
from spm.aws.stack import Aws, Stack
from tests.integration.processor.world import STREAM

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Invoke = Callable[[Sequence[KinesisRecord]], dict[str, Any]]
"""Delivers records to the processor, and returns its response."""


class Lambda:
    """Invokes the processor in this process."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def invoke(self, *, Payload: bytes, **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Do what Lambda's Invoke does."""
        return {"Payload": io.BytesIO(json.dumps(self._invoke(json.loads(Payload)["Records"])).encode())}


class NearbyAws(Aws):
    """MiniStack, except that Lambda is this process."""

    def __init__(self, endpoint_url: str, invoke: Invoke) -> None:
        super().__init__(
            {
                "AWS_ENDPOINT_URL": endpoint_url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        )
        self._lambda = Lambda(invoke)

    @property
    def functions(self) -> "LambdaClient":
        """The one function that there is."""
        return cast("LambdaClient", self._lambda)


class Bucket:
    """Objects with failed records, as Lambda writes them, and what ``spm`` does with them."""

    def __init__(self, endpoint_url: str, invoke: Invoke) -> None:
        self._aws = NearbyAws(endpoint_url, invoke)
        name = f"failed-{uuid.uuid4().hex[:12]}"
        arn = "arn:aws:lambda:us-east-1:000000000000:function:processor"
        self._stack = Stack(name, "stream", STREAM, arn, "operations", "reports", name, "topic", SHIPPED)
        self._aws.s3.create_bucket(Bucket=name)
        self._aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def keep(self, name: str, records: Sequence[KinesisRecord]) -> None:
        """Write an object with records that failed, if there are any."""
        if records:
            body = json.dumps({"payload": json.dumps({"Records": records})}).encode()
            self._aws.s3.put_object(Bucket=self._stack.bucket_name, Key=name, Body=body)

    def replay(self, names: Collection[str] | None = None) -> None:
        """Replay all objects, or those of these names, and delete them; their versions stay."""
        found = [one for one in failed_objects(self._aws, self._stack) if names is None or one[0] in names]
        unreadable = replay_failed(
            self._aws,
            self._stack,
            found,
            Receipt(dry_run=False),
            remove=True,
            rate=1e9,
            advance=lambda _: None,
            complain=print,
        )
        assert unreadable == 0

    def erase(self, student: str) -> set[str]:
        """Do what ``spm erase`` does; return the names of what it replayed."""
        found = list(erasure.failed_versions(self._aws, [self._stack], {student}, advance=lambda _: None))
        assert erasure.clean(self._aws, found).left == []
        return {one.name for one in found if one.is_latest}

    def holds(self, text: str) -> bool:
        """Tell whether a version of an object holds the text in its records' data."""
        return any(text.encode() in data for data in self._data())

    def clear(self) -> None:
        """Delete every version of everything."""
        for item in self._versions():
            self._aws.s3.delete_object(
                Bucket=self._stack.bucket_name, Key=item["Key"], VersionId=item["VersionId"]
            )

    def _data(self) -> Iterator[bytes]:
        bucket = self._stack.bucket_name
        for item in self._versions():
            answer = self._aws.s3.get_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
            for record in records_in(answer["Body"].read().decode(), item["Key"]):
                yield base64.b64decode(record["kinesis"]["data"])

    def _versions(self) -> list[dict[str, Any]]:
        pages = self._aws.s3.get_paginator("list_object_versions").paginate(Bucket=self._stack.bucket_name)
        return [dict(item) for page in pages for item in page.get("Versions", [])]
