"""Erased students in the bucket: their tombstones, and objects with their failed records."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from processor.commands.erasing import Tombstone
from processor.records.kinesis import decode
from processor.records.tokens import tokens
from spm.aws.redelivery import ERASED, Receipt, records_in, replay
from spm.aws.stack import Aws, Stack
from spm.errors import InputError

REPLAY_RATE: Final = 1_000.0


class KeptTombstone(Tombstone, frozen=True):
    """A tombstone as it is in the bucket; ``key`` names the key that its hash is made with."""

    key: str


class FailedVersion(NamedTuple):
    """A version of an object that holds something of a student; ``text`` is its content."""

    stack: Stack
    name: str
    version: str
    is_latest: bool
    text: str


@dataclass
class Cleaned:
    """How many versions were deleted, and which objects are ``left`` because they could not be replayed."""

    versions: int = 0
    left: list[str] = field(default_factory=list)


def keep_tombstones(aws: Aws, stack: Stack, tombstones: Sequence[Tombstone], key: str) -> None:
    """Write tombstones into the bucket, where they survive the restore of a backup."""
    for one in tombstones:
        kept = KeptTombstone(one.hash, one.erased_at, one.lifted_at, key)
        body = msgspec.json.encode(kept)
        aws.s3.put_object(Bucket=stack.bucket_name, Key=f"{ERASED}{one.hash}.json", Body=body)


def kept_tombstones(aws: Aws, stack: Stack) -> Iterator[KeptTombstone]:
    """Yield the tombstones in the bucket; raise InputError if an object is not a tombstone."""
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket_name, Prefix=ERASED)
    for page in pages:
        for item in page.get("Contents", []):
            body = aws.s3.get_object(Bucket=stack.bucket_name, Key=item["Key"])["Body"].read()
            try:
                yield msgspec.json.decode(body, type=KeptTombstone)
            except msgspec.DecodeError as error:
                raise InputError(f"{item['Key']} in the bucket is not a tombstone: {error}") from error


def failed_versions(
    aws: Aws, stacks: Sequence[Stack], students: AbstractSet[str], advance: Callable[[int], None]
) -> Iterator[FailedVersion]:
    """Yield every version of every object that holds something of the students."""
    for stack in stacks:
        pages = aws.s3.get_paginator("list_object_versions").paginate(Bucket=stack.bucket_name)
        for page in pages:
            for item in page.get("Versions", []):
                name, version = item["Key"], item["VersionId"]
                if name.startswith(ERASED):
                    continue
                answer = aws.s3.get_object(Bucket=stack.bucket_name, Key=name, VersionId=version)
                text = answer["Body"].read().decode(errors="replace")
                if _holds(stack, text, name, students):
                    yield FailedVersion(stack, name, version, item["IsLatest"], text)
                advance(1)


def clean(aws: Aws, versions: Sequence[FailedVersion]) -> Cleaned:
    """Replay the objects, which stores other people's records, then delete these versions.

    An object that cannot be replayed is left, because it may hold records that are nowhere else.
    """
    done = Cleaned()
    for one in sorted(versions, key=lambda version: not version.is_latest):
        if one.is_latest and not _replayed(aws, one):
            done.left.append(one.name)
        elif one.name not in done.left:
            aws.s3.delete_object(Bucket=one.stack.bucket_name, Key=one.name, VersionId=one.version)
            done.versions += 1
    return done


def _replayed(aws: Aws, one: FailedVersion) -> bool:
    try:
        records = records_in(one.text, one.name)
    except InputError:
        return False
    receipt = Receipt(dry_run=False)
    replay(aws, one.stack, records, receipt, rate=REPLAY_RATE, advance=lambda _: None)
    return True


def _holds(stack: Stack, text: str, name: str, students: AbstractSet[str]) -> bool:
    """Tell whether a record in the text is a student's, or cannot be an event and holds an id."""
    try:
        records = records_in(text, name)
    except InputError:
        return not students.isdisjoint(tokens(text.encode()))
    student_of = stack.pipeline.student_of
    for record in records:
        for decoded in decode([record], stack.pipeline.parser(record["eventSourceARN"])):  # type: ignore[list-item]  # records_in has checked it
            if student_of and any(student_of(event) in students for event in decoded.events):
                return True
            if any(not students.isdisjoint(tokens(no.payload)) for no in decoded.rejections):
                return True
    return False
