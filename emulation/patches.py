"""Everything that we change in MiniStack, and why.

The names are those of the pinned version. With another version, the start fails and says so; then
``tests/unit/emulation/test_patches.py`` shows which patches are still needed. docs/upstream.md says what to
report to MiniStack's authors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from ministack.core import lambda_runtime  # type: ignore[import-untyped]  # MiniStack ships no types
from ministack.services import cloudwatch, kinesis, lambda_svc  # type: ignore[import-untyped]  # as above
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]  # as above

from emulation.corrections import alarms, mappings, resharding, shards, workers

VERSION: Final = "1.5.33"

_HANDLERS: Final[dict[str, dict[str, Any]]] = provisioners._RESOURCE_HANDLERS
_STREAM: Final = _HANDLERS["AWS::Kinesis::Stream"]
_MAPPING: Final = _HANDLERS["AWS::Lambda::EventSourceMapping"]


@dataclass(frozen=True)
class Patch:
    """Functions of MiniStack that are replaced together, and why."""

    name: str
    reason: str
    functions: tuple[
        tuple[Any, str, Callable[..., Any] | str], ...
    ]  # a module, class or dict; a name in it; its replacement


PATCHES: Final = (
    Patch(
        "the runner delivers",
        "MiniStack's own Kinesis mapping loses records when something fails, and would deliver a second time."
        " Deploying mappings disabled is not enough: people enable one through the API.",
        ((lambda_svc, "_poll_kinesis", mappings.leave_kinesis_to_the_runner),),
    ),
    Patch(
        "records are not copied",
        "To expire records, every put and get copied the shard's whole list: 38 ms at 400,000 records.",
        ((kinesis, "_expire_records", shards.expire_records),),
    ),
    Patch(
        "iterators go by sequence number",
        "They were positions in a list that expiry shortens, so new records were skipped after a day.",
        (
            (kinesis, "_next_sequence_number", shards.next_sequence_number),
            (kinesis, "_get_shard_iterator", shards.get_shard_iterator),
            (kinesis, "_get_records", shards.get_records),
        ),
    ),
    Patch(
        "closed shards stay",
        "Splitting, merging and UpdateShardCount deleted the parents with their unread records; a changed"
        " ShardCount in a template did nothing; SubscribeToShard would not notice the end of a closed shard.",
        (
            (kinesis, "_route_to_shard", shards.route_to_shard),
            (kinesis, "_split_shard", resharding.split_shard),
            (kinesis, "_merge_shards", resharding.merge_shards),
            (kinesis, "_update_shard_count", resharding.update_shard_count),
            (kinesis, "_shard_out", resharding.shard_out),
            (kinesis, "_describe_stream_summary", resharding.describe_stream_summary),
            (kinesis, "_list_shards", resharding.list_shards),
            (kinesis, "_subscribe_to_shard", resharding.subscribe_to_shard),
            (_STREAM, "update", resharding.update_from_template),
        ),
    ),
    Patch(
        "a template does not replace a stream",
        "A stack's stream replaced any other stream of its name, and that stream's records were lost.",
        (
            (provisioners, "_kinesis_stream_create", resharding.create_from_template),
            (_STREAM, "create", resharding.create_from_template),
        ),
    ),
    Patch(
        "mappings are checked and kept",
        "Values beyond the limits, missing streams and second mappings were accepted; Enabled in a template"
        " and StartingPositionTimestamp were forgotten; the default batch size was 10; no result was shown.",
        (
            (lambda_svc, "_create_esm", mappings.create),
            (lambda_svc, "_update_esm", mappings.update),
            (lambda_svc, "_esm_response", mappings.response_of),
            (provisioners, "_lambda_esm_create", mappings.create_from_template),
            (_MAPPING, "create", mappings.create_from_template),
            (_MAPPING, "update", mappings.update_from_template),
        ),
    ),
    Patch(
        "alarms look at their own metric",
        "Dimensions, periods, DatapointsToAlarm and TreatMissingData did not count, so an alarm rang for"
        " another function's errors. Metric math was stored and never evaluated.",
        (
            (cloudwatch, "_evaluate_alarm", alarms.evaluate_alarm),
            (cloudwatch, "_put_metric_alarm", alarms.put_metric_alarm),
        ),
    ),
    Patch(
        "the log says where it ends",
        "An invocation that wrote nothing waited 50 ms for a line; late lines went to the next one's log.",
        (
            (lambda_runtime, "_PYTHON_WORKER_SCRIPT", workers.worker_script()),
            (lambda_runtime.Worker, "invoke", workers.invoke),
            (lambda_runtime.Worker, "_drain_stderr_bounded", workers.drain),
        ),
    ),
    Patch(
        "an update lets invocations end",
        "New code or configuration killed the running invocation; Lambda lets it end with the old one.",
        (
            (lambda_runtime, "kill_workers", workers.kill_workers),
            (lambda_runtime, "release_worker", workers.release_worker),
            (lambda_svc, "release_worker", workers.release_worker),
        ),
    ),
)


def apply() -> None:
    """Patch MiniStack in this process. Fail if it is another version, or if a name is gone."""
    installed = version("ministack")
    if installed != VERSION:
        raise SystemExit(
            f"emulation/patches.py is for MiniStack {VERSION}; {installed} is installed. Install {VERSION},"
            " or check each patch against the new version and change VERSION."
        )
    for patch in PATCHES:
        for owner, name, replacement in patch.functions:
            _replace(owner, name, replacement)


def _replace(owner: Any, name: str, replacement: Callable[..., Any] | str) -> None:  # noqa: ANN401 - see Patch
    if isinstance(owner, dict):
        owner[name]  # raises KeyError when it is gone
        owner[name] = replacement
    else:
        getattr(owner, name)  # raises AttributeError when it is gone
        setattr(owner, name, replacement)
