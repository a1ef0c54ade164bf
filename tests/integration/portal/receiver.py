"""A webhook's receiver, and what makes students be at risk."""

import json
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol

import msgspec

from processor.commands.roster_import import RosterImport
from processor.commands.roster_stage import RosterStage
from processor.roster import Rows
from spm.aws.commands import Commands
from spm.aws.stack import Aws, Stack
from spm.publishing.put_records import Entry, publish

LESSONS = 5  # the fewest that absence is judged by


class Received(NamedTuple):
    """One request as it came, and when."""

    at: float
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """Listens on a port of its own; ``answer`` is the status of the next answers."""

    received: list[Received] = field(default_factory=list)
    answer: int = 204
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(time.time(), headers, body))
                self.send_response(receiver.answer)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((self.host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._server.server_port}/hook"

    def of_course(self, prefix: str) -> list[Received]:
        """Return what came about courses whose ids begin so."""
        return [one for one in list(self.received) if one.content["course"].startswith(prefix)]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class LocalDeployment(Protocol):
    """A stack on either local target."""

    @property
    def aws(self) -> Aws: ...
    @property
    def stack(self) -> Stack: ...
    @property
    def commands(self) -> Commands: ...


def enrol(
    deployment: LocalDeployment, students: Iterable[tuple[str, str]], teachers: Iterable[tuple[str, str]] = ()
) -> None:
    """Put (course, student) into the roster, and (course, teacher)."""
    rows = _rows([(c, s, "student") for c, s in students] + [(c, t, "teacher") for c, t in teachers])
    import_id = uuid.uuid4()
    deployment.commands.run(RosterStage(import_id=import_id, number=0, rows=rows))
    deployment.commands.run(RosterImport(import_id=import_id, chunks=1, dry_run=False))


def _rows(enrolled: list[tuple[str, str, str]]) -> Rows:
    courses = dict.fromkeys(course for course, _, _ in enrolled)
    plain = {
        "courses": [{"id": course, "title": course, "time_zone": "UTC"} for course in courses],
        "enrolments": [{"course": c, "person": p, "role": role} for c, p, role in enrolled],
    }
    return msgspec.convert(plain, Rows)


def absences(course: str, student: str) -> list[Entry]:
    """Return what puts a student at elevated risk: absent from every lesson so far."""
    events = [
        {
            "student_id": student,
            "event_type": "attendance",
            "event_id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat(),
            "metadata": {"course": course, "status": "absent"},
        }
        for _ in range(LESSONS)
    ]
    return [Entry(json.dumps(event).encode(), student) for event in events]


def send(deployment: LocalDeployment, entries: Iterable[Entry]) -> None:
    for _ in publish(deployment.aws.kinesis, deployment.stack.stream_name, entries):
        pass
