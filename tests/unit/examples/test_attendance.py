"""The attendance pipeline's decoders, and how one of several is chosen."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.attendance import PIPELINE
from processor.errors import ConfigurationError, RejectRecord
from processor.pipeline import Decoder
from processor.pipelines import DEFAULT, load, load_one, named
from processor.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STREAM = "arn:aws:kinesis:eu-central-1:111122223333:stream/attendance-stream-test"
JSON = b'{"session_id":"math-1","student_id":"s1","status":"late","timestamp":"2026-11-22T08:00:00Z"}'
BADGE = b"BADGE math-1 s1 2026-11-22T08:00:00Z"
BOTH = [*DEFAULT, "examples.attendance"]


def test_two_formats_become_the_same_event() -> None:
    parse_any = PIPELINE.parser(STREAM)
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert PIPELINE.names == ("event_id", "session_id", "student_id", "status", "occurred_at")
    assert tuple(parse_any(JSON, NOW)) == (None, "math-1", "s1", "late", at)
    assert tuple(parse_any(BADGE, NOW)) == (None, "math-1", "s1", "present", at)


def test_a_decoder_is_picked_by_the_stream_before_the_content() -> None:
    def only_badges(stream_arn: str) -> bool:
        return "badges" in stream_arn

    [badge] = PIPELINE.decoders
    pipeline = replace(PIPELINE, decoders=(Decoder(badge.parse, of_stream=only_badges),))
    with pytest.raises(RejectRecord, match="not_json"):
        pipeline.parser(STREAM)(BADGE, NOW)
    badges = pipeline.parser(STREAM.replace("attendance", "badges"))
    assert badges(BADGE, NOW).occurred_at.hour == 8
    with pytest.raises(RejectRecord, match="invalid_member"):
        badges(JSON, NOW)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_utf8"),
        (b"[" * 100_000, "not_an_object"),
        (b"{}", "missing_member"),
        (JSON.replace(b"late", b"asleep"), "invalid_member"),
        (JSON.replace(b"2026", b"9999"), "invalid_member"),
        (JSON.replace(b"math-1", b""), "invalid_member"),
        (JSON.replace(b"math-1", b"\\u0000"), "null_character"),
        (JSON.replace(b"{", b'{"status":"present",'), "duplicate_member"),
        (JSON.replace(b"{", b'{"room":"1",'), "invalid_member"),
        (b"BADGE math-1 s1", "invalid_member"),
        (b"BADGE math-1 s1 now", "invalid_member"),
        (b"BADGE math-1 s1 2026-11-22T08:00:00", "invalid_member"),
        (b"BADGE \xff s1 2026-11-22T08:00:00Z", "not_utf8"),
    ],
)
def test_data_that_is_not_a_check_in_is_rejected_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(RejectRecord) as no:
        PIPELINE.parser(STREAM)(data, NOW)
    assert no.value.reason == reason


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda data: b"BADGE " + data))
def test_any_bytes_are_an_event_or_rejected(data: bytes) -> None:
    with contextlib.suppress(RejectRecord):
        assert PIPELINE.parser(STREAM)(data, NOW).occurred_at.tzinfo


def test_a_function_knows_its_pipeline_by_its_settings() -> None:
    environment = {"DB_SECRET_ARN": "arn", "PIPELINES": " ".join(BOTH)}
    assert list(Settings.from_environment(environment).pipelines) == ["student-performance", "attendance"]
    assert Settings.from_environment(environment).pipeline.name == "student-performance"
    assert Settings.from_environment(environment | {"PIPELINE": "attendance"}).pipeline is PIPELINE


def test_the_first_of_the_list_is_the_default() -> None:
    alone = Settings.from_environment({"DB_SECRET_ARN": "arn", "PIPELINES": "examples.attendance"})
    assert (list(alone.pipelines), alone.pipeline) == (["attendance"], PIPELINE)
    assert named(load([*reversed(BOTH)]), None) is PIPELINE


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PIPELINE": "attendance"}, "PIPELINE is 'attendance': use one of student-performance"),
        ({"PIPELINES": "examples.nothing"}, "the pipeline's module examples.nothing cannot be imported"),
        ({"PIPELINES": "examples"}, "the module examples has no PIPELINE: declare one"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_environment({"DB_SECRET_ARN": "arn", **environment})


def test_two_pipelines_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="another pipeline is called student-perf"):
        load([*DEFAULT, "tests.unit.examples.same_name"])


def test_two_pipelines_that_share_a_table_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="attendance has a table attendance, too: rename one"):
        load(["examples.attendance", "tests.unit.examples.same_table"])


def test_the_pipelines_are_found_by_name() -> None:
    assert named(load(BOTH), "attendance") is load_one("examples.attendance") is PIPELINE
