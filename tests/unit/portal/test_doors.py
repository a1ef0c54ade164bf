"""What each door takes, answers and refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from portal.ingest import doors
from portal.ingest.doors import Accepted
from portal.ingest.http import Refusal
from portal.ingest.stream import StreamRecord
from processor.records.formats import wrapping
from processor.records.formats.event import Sender
from tests.unit.portal.requests import request
from tests.unit.processor.formats.documents import ARRIVED, ID, grade_event, live_event, statement

SENDER = Sender("school")
JSON = {"content_type": "application/json"}
XAPI = {**JSON, "x_experience_api_version": "1.0.3"}
OTHER_ID = "11111111-2222-4333-8444-555555555555"


def post(path: str, body: object, query: str = "", method: str = "POST", **headers: str) -> Accepted:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = request(method, path, data, query, **headers)
    return doors.door(asked).take(asked, SENDER, lambda signed: signed)


def refused(send: Callable[[], Accepted]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        send()
    return refusal.value


def stored(record: StreamRecord) -> dict[str, Any]:
    return wrapping.parse(record.data, ARRIVED)._asdict()


def envelope(*data: object) -> dict[str, object]:
    return {
        "sensor": "https://lms.example/sensor",
        "sendTime": "2026-09-01T08:00:00.250Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "data": list(data),
    }


def test_statements_are_taken_and_their_ids_returned() -> None:
    accepted = post("/xapi/statements", [statement(), statement(id=OTHER_ID)], **XAPI)
    assert (accepted.answer.status, accepted.answer.content) == (200, [ID, OTHER_ID])
    assert [record.partition_key for record in accepted.records] == ["s1", "s1"]
    assert str(stored(accepted.records[1])["event_id"]) == OTHER_ID
    assert json.loads(stored(accepted.records[0])["metadata"])["sender"] == "school"


def test_one_statement_is_put_under_its_id() -> None:
    without = {name: value for name, value in statement().items() if name != "id"}
    for body in (statement(), without):
        accepted = post("/xapi/statements", body, f"statementId={ID}", "PUT", **XAPI)
        assert (accepted.answer.status, accepted.answer.content) == (204, None)
        assert str(stored(accepted.records[0])["event_id"]) == ID


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (statement(), ""),
        (statement(), "statementId=1"),
        (statement(), f"statementId={OTHER_ID}"),
        ([statement()], f"statementId={ID}"),
        (statement(), f"statementId={ID}&format=ids"),
    ],
)
def test_what_cannot_be_put_is_refused(body: object, query: str) -> None:
    assert refused(lambda: post("/xapi/statements", body, query, "PUT", **XAPI)).status == 400


def test_a_batch_with_bad_statements_is_refused_whole_with_every_problem_named() -> None:
    batch = [statement(), statement(id=1, stored=2), 3, statement(verb={})]
    refusal = refused(lambda: post("/xapi/statements", batch, **XAPI))
    assert refusal.status == 400
    told = [
        (problem["position"], str(problem["detail"]).rpartition(" - at ")[2]) for problem in refusal.problems
    ]
    assert told[:2] == [(1, "`$.id`"), (1, "`$.stored`")]
    assert [place for place, _ in told[2:]] == [2, 3]
    assert "3 of 4" in refusal.message


def test_the_same_id_twice_in_a_batch_is_refused() -> None:
    refusal = refused(lambda: post("/xapi/statements", [statement(), statement(verb={"id": "x:y"})], **XAPI))
    assert [problem["position"] for problem in refusal.problems] == [0, 1]


def test_a_statement_without_an_id_gets_the_same_one_again_if_it_says_when() -> None:
    body = {name: value for name, value in statement().items() if name != "id"}
    first, second = (post("/xapi/statements", body, **XAPI).answer.content for _ in range(2))
    assert first == second
    del body["timestamp"]
    assert (
        post("/xapi/statements", body, **XAPI).answer.content
        != post("/xapi/statements", body, **XAPI).answer.content
    )


def test_what_no_student_did_is_taken_and_kept_as_a_rejection() -> None:
    group = {"objectType": "Group", "mbox": "mailto:g@lms.example"}
    accepted = post("/xapi/statements", [statement(actor=group), statement(id=OTHER_ID)], **XAPI)
    assert (accepted.answer.content, accepted.rejected) == ([ID, OTHER_ID], 1)
    assert len(accepted.records) == 2


@pytest.mark.parametrize("version", ["", "0.95", "1.1", "3.0", "1.0.3,2.0"])
def test_a_version_that_is_not_spoken_is_refused(version: str) -> None:
    headers = {**JSON, "x_experience_api_version": version}
    assert refused(lambda: post("/xapi/statements", statement(), **headers)).status == 400


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.9", "2.0", "2.0.0"])
def test_versions_that_are_spoken(version: str) -> None:
    headers = {**JSON, "x_experience_api_version": version}
    form = post("/xapi/statements", statement(), **headers).form
    assert form == ("xapi/2.0" if version.startswith("2") else "xapi/1.0.3")


def test_an_envelopes_events_are_taken_and_entities_are_not() -> None:
    accepted = post("/caliper", envelope({"id": "urn:x", "type": "Person"}, grade_event()), **JSON)
    assert accepted.answer.content == {"taken": 1, "ids": [ID], "rejected": []}
    assert refused(lambda: post("/caliper", grade_event(), **JSON)).status == 400
    assert refused(lambda: post("/caliper", envelope(grade_event(actor=1)), **JSON)).status == 400


def test_canvas_is_never_asked_for_something_else() -> None:
    grade = live_event("grade_change", {"student_id": "1", "score": 1, "points_possible": 2})
    for event in (live_event("course_created", {}), {"metadata": 1}, live_event("grade_change", {})):
        accepted = post("/canvas", event)
        assert (accepted.answer.status, accepted.rejected, len(accepted.records)) == (200, 1, 1)
    accepted = post("/canvas", grade)
    assert (accepted.rejected, stored(accepted.records[0])["event_type"]) == (0, "grade")
    assert accepted.answer == post("/canvas", grade).answer  # a replay has the same identity
    assert refused(lambda: post("/canvas", b"no JSON")).status == 400


@pytest.mark.parametrize(
    ("body", "media_type", "count"),
    [
        (b'{"student_id":"s1","event_type":"quiz"}', "application/json", 1),
        (
            b'[{"student_id":"s1","event_type":"quiz"},{"student_id":"s2","event_type":"quiz"}]',
            "application/json",
            2,
        ),
        (
            b'{"student_id":"s1","event_type":"quiz"}\n\n{"student_id":"s2","event_type":"quiz"}\r\n',
            doors.LINES[0],
            2,
        ),
        (b"[]", "application/json", 0),
    ],
)
def test_plain_events_are_taken_one_or_many(body: bytes, media_type: str, count: int) -> None:
    accepted = post("/events", body, content_type=media_type)
    assert len(accepted.records) == count
    assert all(json.loads(stored(record)["metadata"]) == {"sender": "school"} for record in accepted.records)


def test_what_an_event_says_of_its_sender_does_not_count() -> None:
    event = {
        "student_id": "s1",
        "event_type": "quiz",
        "event_id": ID,
        "metadata": {"sender": "forged", "x": 1e300},
    }
    [record] = post("/events", event, **JSON).records
    assert json.loads(stored(record)["metadata"]) == {"sender": "school", "x": 1e300}
    assert str(stored(record)["event_id"]) == ID


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[", b"[1", b'"x"', b"\xff", b"null", b"[" * 100_000, b"[[]]", b"{}"]
)
@pytest.mark.parametrize("path", ["/events", "/xapi/statements", "/caliper"])
def test_a_body_that_is_not_a_document_is_refused(path: str, body: bytes) -> None:
    assert refused(lambda: post(path, body, **XAPI)).status == 400


def test_a_statement_larger_than_a_record_is_refused() -> None:
    large = statement(result={"response": "x" * 2**20})
    refusal = refused(lambda: post("/xapi/statements", large, **XAPI))
    assert [problem["reason"] for problem in refusal.problems] == ["too_large"]


@pytest.mark.parametrize("path", ["/events", "/xapi/statements", "/caliper"])
@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "multipart/mixed; boundary=x", "application/json, text/plain"]
)
def test_other_media_types_are_refused(path: str, media_type: str) -> None:
    headers = {**XAPI, "content_type": media_type}
    refusal = refused(lambda: post(path, statement(), **headers))
    assert refusal.status == (400 if path == "/xapi/statements" else 415)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/xapi/statements", 405),
        ("DELETE", "/events", 405),
        ("POST", "/", 404),
        ("POST", "/events/", 404),
    ],
)
def test_other_addresses_and_methods_are_refused(method: str, path: str, expected: int) -> None:
    assert refused(lambda: post(path, {}, method=method)).status == expected


def test_a_sender_may_use_the_doors_that_know_its_student_id() -> None:
    moodle = Sender("moodle", "account.name")
    for path, allowed in {
        "/xapi/statements": True,
        "/events": True,
        "/caliper": False,
        "/canvas": False,
    }.items():
        door = doors.DOORS["POST", path]
        if allowed:
            doors.check_field(door, moodle)
        else:
            with pytest.raises(Refusal) as refusal:
                doors.check_field(door, moodle)
            assert refusal.value.status == 403
