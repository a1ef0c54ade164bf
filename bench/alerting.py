"""From an event that raises a risk to the webhook, on LocalStack."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import quantiles
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bench.results import Row
from portal.alerts.settings import WEBHOOK
from processor.commands.roster_import import RosterImport
from processor.commands.roster_stage import RosterStage
from processor.roster import Rows
from spm.aws.target import Connection, connect
from spm.publishing.put_records import Entry, publish
from spm.target import Target

SUFFIX: Final = "bench"
EPISODES: Final = 30
LESSONS: Final = 5  # the fewest that absence is judged by
PAUSE: Final = 3.0  # seconds between two episodes, so that none waits for the one before
PATIENCE: Final = 150.0


def measure_localstack() -> list[Row]:
    """Return how long it takes from PutRecords to the webhook that environment `bench` is deployed with."""
    connection = connect(Target.LOCALSTACK, SUFFIX)
    webhook = _webhook(connection)
    mark = uuid.uuid4().hex[:8]
    students = [f"{mark}-{number}" for number in range(EPISODES + 1)]
    _enrol(connection, students)
    with _receiver(webhook) as came:
        _episode(connection, students.pop(), came)  # the first invocations are cold
        took = sorted(_episode(connection, student, came) for student in students)
    cuts = quantiles(took, n=20, method="inclusive")
    return [
        {
            "episodes": len(took),
            "p50_s": round(cuts[9], 1),
            "p95_s": round(cuts[18], 1),
            "longest_s": round(took[-1], 1),
        }
    ]


def _webhook(connection: Connection) -> str:
    name = connection.stack.alerts_name
    if name:
        found = connection.aws.functions.get_function_configuration(FunctionName=name)
        if address := found["Environment"]["Variables"].get(WEBHOOK):
            return address
    raise ValueError(f"{connection.stack.name} tells no webhook: deploy it with alerts=true and alertWebhook")


def _episode(connection: Connection, student: str, came: dict[str, float]) -> float:
    """Make a student absent from all lessons of a course; return the seconds to the message."""
    event = {
        "student_id": student,
        "event_type": "attendance",
        "timestamp": datetime.now(UTC).isoformat(),
        "metadata": {"course": student, "status": "absent"},
    }
    sent = time.time()
    entries = [Entry(json.dumps(event).encode(), student)] * LESSONS
    for _ in publish(connection.aws.kinesis, connection.stack.stream_name, entries):
        pass
    while student not in came:
        if time.time() - sent > PATIENCE:
            raise TimeoutError(f"no message about {student} came in {PATIENCE:.0f} s")
        time.sleep(0.05)
    time.sleep(PAUSE)
    return came[student] - sent


def _enrol(connection: Connection, students: list[str]) -> None:
    rows = {
        "courses": [{"id": student, "title": student, "time_zone": "UTC"} for student in students],
        "enrolments": [{"course": student, "person": student, "role": "student"} for student in students],
    }
    key = uuid.uuid4()
    connection.commands.run(RosterStage(import_id=key, number=0, rows=msgspec.convert(rows, Rows)))
    connection.commands.run(RosterImport(import_id=key, chunks=1, dry_run=False))


@contextmanager
def _receiver(url: str) -> Iterator[dict[str, float]]:
    """Listen at the webhook's address; yield when the first message about each course came."""
    came: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came.setdefault(message["course"], time.time())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    address = urlsplit(url)
    server = ThreadingHTTPServer((str(address.hostname), address.port or 80), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
