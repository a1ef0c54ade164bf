"""A client of the front door, and one document of each format."""

import http.client
import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portal.ingest.senders import token
from tests.unit.processor.formats.documents import grade_event, live_event, statement

JSON = {"Content-Type": "application/json"}
XAPI = {**JSON, "X-Experience-API-Version": "1.0.3"}

EACH_FORMAT = [
    ("3", "discussion_entry", None),
    ("s1", "grade", 10),
    ("s4", "quiz", 9),
    ("s1", "submission", 7),
    ("s2", "submission", 7),
]
"""The student, type and score of everything that ``take_each_format`` sends, by type and student."""


@dataclass(frozen=True)
class DoorClient:
    """Posts to the door, whose host name Python's resolver does not know."""

    url: str
    port: int
    sender: str
    secret: str

    def post(
        self, path: str, body: object, headers: dict[str, str] | None = None, **more: str
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {
                "Host": urlsplit(self.url).netloc,
                "Authorization": f"Bearer {token(self.sender, more.get('secret', self.secret))}",
                **(headers or XAPI),
            }
            connection.request(more.get("method", "POST"), path, data, sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None


def submission(student: str) -> dict[str, Any]:
    return statement(
        id=str(uuid.uuid4()),
        actor={"account": {"homePage": "https://lms.example", "name": student}},
        verb={"id": "http://activitystrea.ms/schema/1.0/submit"},
        result={"score": {"raw": 7, "min": 0, "max": 10}},
    )


def take_each_format(client: DoorClient) -> None:
    """Send a document of each format, some of them twice, and check that the door takes each."""
    one, other = submission("s1"), submission("s2")
    assert client.post("/xapi/statements", one) == (200, [one["id"]])
    assert client.post(f"/xapi/statements?statementId={other['id']}", other, method="PUT") == (204, None)
    assert client.post("/xapi/statements", [one, other]) == (200, [one["id"], other["id"]])
    envelope = {
        "sensor": "https://lms.example/sensor",
        "sendTime": "2026-09-01T08:00:00.250Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "data": [grade_event(id=f"urn:uuid:{uuid.uuid4()}")],
    }
    assert client.post("/caliper", envelope)[0] == 200
    entry = live_event("discussion_entry_created", {"user_id": "3"}, request_id=str(uuid.uuid4()))
    assert client.post("/canvas", entry)[0] == 200
    assert client.post("/canvas", entry)[0] == 200  # a replayed webhook
    lines = b'{"student_id":"s4","event_type":"quiz","score":9}\n'
    status, answer = client.post("/events", lines, {"Content-Type": "application/x-ndjson"})
    assert (status, answer["taken"]) == (200, 1)
