"""The function as Lambda calls it: what it answers when AWS does not, and what it never says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from portal.ingest import handler, senders, settings, stream
from portal.ingest.senders import RegisteredSender, token
from tests.unit.portal.requests import invocation
from tests.unit.processor.formats.documents import grade_event, live_event, statement
from tests.unit.processor.formats.test_hostile import places, replaced

NAME = "Jane Doe"
"""It stands for whatever must not be repeated."""

SECRET = senders.new_secret()
PATHS = {"xapi": "/xapi/statements", "caliper": "/caliper", "canvas": "/canvas", "native": "/events"}
EVENT = {
    "student_id": "s1",
    "event_type": "quiz",
    "score": 1,
    "timestamp": "2026-09-01T08:00:00Z",
    "event_id": "0f1e2d3c-4b5a-4678-8796-a5b4c3d2e1f0",
    "metadata": {"course": "c"},
}
GRADE = live_event("grade_change", {"student_id": "48", "score": 1, "points_possible": 2})
DOCUMENTS: dict[str, dict[str, Any]] = {
    "xapi": statement(result={"score": {"raw": 1, "min": 0, "max": 2}}),
    "caliper": {
        "sensor": "https://lms.example/sensor",
        "sendTime": "2026-09-01T08:00:00.250Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "data": [grade_event()],
    },
    "canvas": GRADE,
    "native": EVENT,
}


class Services:
    """Secrets Manager and Kinesis. ``fails`` is what PutRecords raises."""

    fails: Exception | None = None
    refuses = False

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": senders.write({"school": RegisteredSender(senders.hashed(SECRET))})}

    def put_records(self, Records: list[dict[str, Any]], **_: str) -> dict[str, Any]:  # noqa: N803  # AWS's name
        if self.fails:
            raise self.fails
        if self.refuses:
            failed = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": NAME}
            return {"FailedRecordCount": len(Records), "Records": [failed] * len(Records)}
        self.put += Records
        return {"FailedRecordCount": 0, "Records": [{}] * len(Records)}


class OneRequest:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 2_100


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    made = Services()
    monkeypatch.setattr(handler, "_client", lambda _service: made)
    monkeypatch.setenv(settings.STREAM_NAME, "stream")
    monkeypatch.setenv(settings.SENDERS_SECRET_ARN, "arn")
    caches = (handler._register, handler._put_records)  # an execution environment begins anew
    for cached in caches:
        cached.cache_clear()
    yield made
    for cached in caches:
        cached.cache_clear()


def answer(path: str, body: bytes, query: str = "", **headers: str) -> dict[str, Any]:
    sent = {
        "authorization": f"Bearer {token('school', SECRET)}",
        "content_type": "application/json",
        "x_experience_api_version": "1.0.3",
        **headers,
    }
    return handler.handler(invocation("POST", path, body, query, **sent), OneRequest())


@pytest.mark.parametrize("form", PATHS)
def test_each_format_is_put_and_then_answered(form: str, services: Services) -> None:
    assert answer(PATHS[form], json.dumps(DOCUMENTS[form]).encode())["statusCode"] == 200
    assert len(services.put) == 1


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("form", PATHS)
def test_no_value_that_was_sent_is_in_an_answer_that_refuses_it_or_in_the_log(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = 0
    for place in places(DOCUMENTS[form]):
        for value in (NAME, [NAME], {"x": NAME}, NAME * 100):
            body = json.dumps(replaced(DOCUMENTS[form], place, value)).encode()
            given = answer(PATHS[form], body)
            told = json.loads(given["body"])
            problems = told if given["statusCode"] != 200 else told["rejected"] if form != "xapi" else ()
            refused += bool(problems)
            assert NAME not in json.dumps(problems), place
    broken = (
        NAME.encode(),
        b'{"a":"' + NAME.encode(),
        b'["' + NAME.encode() + b'",NaN]',
        NAME.encode("utf-16"),
    )
    for body in broken:
        assert NAME not in answer(PATHS[form], body)["body"]
    logged = capsys.readouterr()
    assert refused > 10
    assert NAME not in logged.out + logged.err
    assert SECRET not in logged.out + logged.err
    assert {"request", "status", "ms"} <= json.loads(logged.out.splitlines()[0]).keys()


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        (f"/{NAME}", "", {}),
        ("/events", f"statementId={NAME}", {}),
        ("/xapi/statements", f"{NAME}={NAME}", {}),
        ("/events", "", {"content_type": f"application/json; charset={NAME}"}),
        ("/events", "", {"content_type": NAME}),
        ("/events", "", {"content_encoding": NAME}),
        ("/xapi/statements", "", {"x_experience_api_version": NAME}),
        ("/events", "", {"authorization": f"Bearer {NAME}.{NAME}"}),
        ("/events", f"token={NAME}.x", {"authorization": ""}),
    ],
)
def test_nor_is_any_value_of_a_header_or_an_address(
    path: str, query: str, headers: dict[str, str], services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    given = answer(path, b"{}", query, **headers)
    assert given["statusCode"] >= 400
    assert NAME not in json.dumps(given) + capsys.readouterr().out
    assert not services.put


@pytest.mark.parametrize("fails", [None, TimeoutError(NAME)])
def test_a_sender_is_told_to_try_again_if_kinesis_takes_too_long(
    fails: Exception | None, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.fails, services.refuses = fails, True
    given = answer("/events", json.dumps(EVENT).encode())
    assert given["statusCode"] == 503
    assert int(given["headers"]["retry-after"]) > 0
    assert NAME not in given["body"] + capsys.readouterr().out


def test_a_defect_is_logged_with_its_place_and_not_what_was_sent(
    services: Services, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(NAME)

    monkeypatch.setattr(stream, "put_all", fail)
    given = answer("/events", json.dumps(EVENT).encode())
    logged = capsys.readouterr().out
    assert (given["statusCode"], "request-1" in given["body"]) == (500, True)
    assert NAME not in given["body"] + logged
    assert "ValueError" in logged
    assert not services.put
