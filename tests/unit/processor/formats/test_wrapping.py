"""Documents on the stream: docs/formats.md, "On the stream"."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from processor.errors import RejectRecord
from processor.records import native
from processor.records.formats import caliper, stream, wrapping
from processor.records.formats.event import Sender
from processor.student_performance import PIPELINE
from tests.unit.processor.formats.documents import ARRIVED, refusals, statement

ORIGINAL = json.dumps(statement()).encode()


def reason(data: bytes) -> str:
    with pytest.raises(RejectRecord) as rejection:
        stream.parse(data, ARRIVED)
    return rejection.value.reason


def test_a_document_is_kept_as_it_was_sent() -> None:
    original = (
        b' {"actor":{"mbox":"mailto:a@example.org"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"},\n'
        b'"result":{"extensions":{"urn:x":1.50e2}}}\n'
    )
    record = wrapping.wrap("xapi/2.0", Sender("moodle"), original)
    assert record.startswith(b'{"format":"xapi/2.0","sender":"moodle","data":')
    metadata = stream.parse(record, ARRIVED).metadata
    assert metadata == '{"format":"xapi/2.0","sender":"moodle","original":' + original.decode().strip() + "}"


@pytest.mark.parametrize("form", wrapping.FORMATS)
def test_a_wrapped_document_is_recognised_by_how_it_begins(form: str) -> None:
    assert stream.is_foreign(wrapping.wrap(form, Sender("moodle"), ORIGINAL))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"student_id":"s1","event_type":"quiz_score"}',
        b'{"format":"pdf","student_id":"s1","event_type":"upload"}',
        b'{"format":"pdf","event_name":"upload","body":{}}',
        b'{"attributes":{"room":2},"student_id":"s1","event_type":"login"}',
    ],
)
def test_a_native_event_is_not(data: bytes) -> None:
    assert not stream.is_foreign(data)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"format": "xapi/0.9"}, "unknown_format"),
        ({"format": 1}, "invalid_member"),
        ({"sender": ""}, "invalid_member"),
        ({"sender": "s" * 51}, "invalid_member"),
        ({"sender": "s\0"}, "null_character"),
        ({"sender": "s\n"}, "invalid_member"),
        ({"student_id": "name"}, "invalid_member"),
        ({"data": []}, "not_an_object"),
        ({"data": "x"}, "not_an_object"),
        ({"more": 1}, "invalid_member"),
    ],
)
def test_a_broken_wrapping_is_refused(members: dict[str, Any], expected: str) -> None:
    whole = {"format": "xapi/1.0.3", "sender": "moodle", "data": statement()}
    assert reason(json.dumps(whole | members).encode()) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not_json"),
        (b"[]", "not_an_object"),
        (b'{"format":"canvas"}', "missing_member"),
        (b'{"format":"canvas","sender":"c","data":{"a":1,"a":2}}', "duplicate_member"),
        (b'{"format":"canvas","format":"canvas","sender":"c","data":{}}', "duplicate_member"),
        (b'{"format":"canvas","sender":"c","data":{"a":"\\u0000"}}', "null_character"),
        (b'{"format":"canvas","sender":"c","data":{"a":"\\ud800"}}', "lone_surrogate"),
        (b'{"format":"canvas","sender":"c","data":{"a":1e999}}', "invalid_member"),
        (b'{"format":"canvas","sender":"c","data":{"a":1e-1000}}', "number_too_long"),
        (b'{"format":"canvas","sender":"c","data":{"a":\xff}}', "not_utf8"),
        (b'{"format":"canvas","sender":"c","data":{"a":NaN}}', "not_json"),
        (b'{"format":"canvas","sender":"c","data":{"a":' + b"[" * 100 + b"]" * 100 + b"}}", "too_deep"),
        (b'{"format":"canvas","sender":"c","data":{"a":' + b"[" * 200_000, "too_deep"),
    ],
)
def test_bytes_that_cannot_be_a_document_are_refused(data: bytes, expected: str) -> None:
    assert reason(data) == expected


LONG_NAME = "\x1b" + "x" * 1000


@pytest.mark.parametrize(
    ("parse", "known"),
    [
        (lambda data: stream.parse(data, ARRIVED), {"format": "xapi/2.0", "sender": "s", "data": {}}),
        (caliper.open_envelope, {"sensor": "s", "sendTime": "t", "dataVersion": "v", "data": []}),
    ],
)
def test_the_name_of_a_member_that_is_unknown_is_shortened_and_escaped(
    parse: Callable[[bytes], object], known: dict[str, object]
) -> None:
    with pytest.raises(RejectRecord) as rejection:
        parse(json.dumps({**known, LONG_NAME: 1}, separators=(",", ":")).encode())
    assert rejection.value.reason == "invalid_member"
    assert rejection.value.detail == f"the member '\\x1b{'x' * 49}' does not belong to this format"


def test_a_door_names_every_problem_but_no_more_than_100() -> None:
    sender = Sender("moodle")
    document = statement(id=1, timestamp="yesterday", result={str(number): 1 for number in range(200)})
    found = refusals("xapi/1.0.3", sender, json.dumps(document).encode(), ARRIVED)
    assert len(found) == wrapping.MOST_PROBLEMS
    few = refusals("xapi/1.0.3", sender, json.dumps(statement(id=1, stored=2)).encode(), ARRIVED)
    assert [no.detail.split(" - at ")[1] for no in few] == ["`$.id`", "`$.stored`"]
    assert [no.reason for no in refusals("canvas", sender, b"{", ARRIVED)] == ["not_json"]


def test_a_pipeline_takes_documents_and_native_events_from_one_stream() -> None:
    parse = PIPELINE.parser("arn:aws:kinesis:eu-central-1:1:stream/s")
    wrapped = wrapping.wrap("xapi/1.0.3", Sender("moodle"), ORIGINAL)
    assert parse(wrapped, ARRIVED) == wrapping.parse(wrapped, ARRIVED)
    event = b'{"student_id":"s1","event_type":"quiz_score"}'
    assert parse(event, ARRIVED) == native.parse(event, ARRIVED)


def test_a_pipeline_without_the_decoders_does_not_import_them() -> None:
    code = (
        "import sys; from processor.records.formats import stream; stream.is_foreign(b'{}');"
        "print(sorted(name for name in sys.modules if name.startswith('processor.records')))"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert (
        imported.strip()
        == "['processor.records', 'processor.records.formats', 'processor.records.formats.stream']"
    )
