"""``spm dashboard`` and ``spm course`` on a deployed stack, from the events to what a teacher reads."""

import http.client
import json
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from processor.commands.rejected import Rejected
from spm.publishing.put_records import Entry, publish
from tests.integration.spm.conftest import Spm
from tests.support import Deployment
from tests.waiting import wait_until

pytestmark = pytest.mark.long

STUDENTS = ("ada", "bob", "cyd", "dan", "eve", "fay")


@pytest.fixture
def course(spm: Spm, deployed: Deployment, tmp_path: Path) -> str:
    """A course with two pieces of work that were due; everybody except bob handed in both."""
    course = f"C-{uuid.uuid4().hex[:8]}"
    now = datetime.now(UTC)
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "courses.csv").write_text(f"id,title,time_zone\n{course},Algebra,Europe/Berlin\n")
    due = [f"{now - timedelta(days=days):%Y-%m-%dT12:00:00Z}" for days in (9, 4)]
    (folder / "assessments.csv").write_text(
        f"course,id,title,due_at\n{course},A1,Essay,{due[0]}\n{course},A2,Report,{due[1]}\n"
    )
    people = "".join(f"{course},{course}-{name},student\n" for name in STUDENTS)
    (folder / "enrolments.csv").write_text(f"course,person,role\n{people}{course},turing,teacher\n")
    assert spm("roster", "import", str(folder)).returncode == 0
    send(
        deployed,
        [
            handed_in(course, name, work, now - timedelta(days=days), 50 + 5 * number)
            for number, name in enumerate(STUDENTS)
            if name != "bob"
            for work, days in (("A1", 10), ("A2", 5))
        ],
    )
    wait_until(lambda: has_all(spm, course), "the events to be stored", seconds=120)
    return course


def handed_in(course: str, name: str, work: str, at: datetime, score: float) -> dict[str, object]:
    return {
        "student_id": f"{course}-{name}",
        "event_type": "submission",
        "score": score,
        "timestamp": at.isoformat(),
        "metadata": {"course": course, "assessment": work},
    }


def send(deployed: Deployment, events: list[dict[str, object]]) -> None:
    entries = (Entry(json.dumps(event).encode(), "key") for event in events)
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, entries):
        pass


def has_all(spm: Spm, course: str) -> bool:
    rows = json.loads(spm("query", "courses", "--fresh", "--course", course, "--json").stdout)
    return [row["events"] for row in rows] == [10]


def test_a_course_says_who_needs_attention_and_why(spm: Spm, course: str) -> None:
    shown = spm("course", course)
    assert shown.returncode == 0
    assert f"{course} Algebra, as of " in shown.stdout
    assert "1 student may need attention" in shown.stdout
    assert f"{course}-bob" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    answer = json.loads(spm("course", course, "--json").stdout)
    assert [(one["id"], one["handed_in"], one["of"]) for one in answer["work"]] == [
        ("A1", 5, 6),
        ("A2", 5, 6),
    ]
    assert [one["level"] for one in answer["attention"]] == ["high"]
    assert spm("course", course, "--as-teacher", "clio").stderr.startswith("spm: course: there is no course")
    missing = json.loads(spm("query", "missing", "--course", course, "--json").stdout)
    assert [(row["assessment"], row["student_id"]) for row in missing] == [
        ("A1", f"{course}-bob"),
        ("A2", f"{course}-bob"),
    ]


class Pages:
    """Asks a running ``spm dashboard`` for pages, as a browser with a cookie does."""

    def __init__(self, address: str) -> None:
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/(\?token=.+)", address)
        assert found is not None, address
        self._port = int(found[1])
        self.token = found[2]
        self._cookie = ""

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        return self._ask("GET", path, "", headers)

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form as if from a page of this server."""
        return self._ask("POST", path, urlencode(fields), {"Origin": f"http://127.0.0.1:{self._port}"})

    def _ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, f"/{path}", body, {"Cookie": self._cookie, **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        self._cookie = (answer.getheader("Set-Cookie") or self._cookie).partition(";")[0]
        connection.close()
        return answer.status, text


@pytest.fixture
def dashboard(
    environment: dict[str, str], deployed: Deployment
) -> Iterator[tuple[Pages, "subprocess.Popen[str]"]]:
    command = ["spm", "dashboard", "--port", "0", "--suffix", deployed.suffix]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    yield Pages(process.stderr.readline().strip()), process
    process.kill()
    process.communicate()


def test_the_pages_are_served_to_whoever_has_the_address(
    course: str, dashboard: tuple[Pages, "subprocess.Popen[str]"], deployed: Deployment
) -> None:
    pages, process = dashboard
    assert pages.get("")[0] == 401
    assert pages.get("", Host="evil.example")[0] == 403
    assert pages.get(pages.token)[0] == 303
    status, overview = pages.get("")
    assert (status, f"{course} Algebra" in overview) == (200, True)
    assert "1 of 6 students needs attention" in pages.get(f"course?id={course}")[1]
    assert "Essay and Report" in pages.get(f"student?id={course}-bob")[1]
    assert pages.get("student?id=nobody")[0] == 404
    assert "today, late" not in pages.get(f"student?id={course}-bob")[1]
    send(deployed, [handed_in(course, "bob", "A1", datetime.now(UTC), 90)])

    def follows() -> bool:
        assert pages.get("revision")[0] == 200  # the page's script asks this too, and it refreshes everything
        return "today, late" in pages.get(f"student?id={course}-bob")[1]

    wait_until(follows, "the page to follow the event", seconds=60)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) in {0, 130}


def test_a_rejected_record_is_seen_and_dismissed(
    dashboard: tuple[Pages, "subprocess.Popen[str]"], deployed: Deployment
) -> None:
    pages, _ = dashboard
    assert pages.get(pages.token)[0] == 303
    name = uuid.uuid4().hex
    for _ in publish(deployed.aws.kinesis, deployed.stack.stream_name, [Entry(f"[{name}".encode(), "key")]):
        pass
    wait_until(lambda: f"[{name}" in pages.get("pipeline")[1], "the record on the page", seconds=60)
    shown = pages.get("pipeline")[1].partition(f"[{name}")[2]
    found = re.search(r"dismiss\?record=([\d/]+)", shown)
    assert found is not None
    address = f"dismiss?record={found[1]}"
    token = re.search(r'name="token" value="(\w+)"', pages.get(address)[1])
    assert token is not None
    assert pages.post(address, token="x", because="a test")[0] == 403
    assert pages.post(address, token=token[1], because="a test")[0] == 303
    assert f"[{name}" not in pages.get("pipeline")[1]
    sequence_number, _, part = found[1].partition("/")
    wanted = Rejected(sequence_number=sequence_number, sub_sequence=int(part))
    [row] = deployed.commands.run(wanted).rejected
    assert row.dismissed_because == "a test"
