"""What a message says, how it is signed, and what becomes of one that fails."""

import hashlib
import hmac
import time
from typing import Any

import pytest

from portal.alerts.channels import sign, topic
from portal.alerts.handler import Outcome, deliver
from portal.alerts.message import LONGEST_SUBJECT, Wording, for_programs, link, subject, text


def student(name: str, display_name: str | None = None) -> dict[str, Any]:
    reasons = [
        {"rule": "missing", "adds": 2.0, "numbers": {}, "sentence": "2 of 3 pieces of work are missing."}
    ]
    return {"student": name, "display_name": display_name, "level": "high", "score": 2.5, "reasons": reasons}


MESSAGE: dict[str, Any] = {
    "alert_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "channel": "sns",
    "course": "MATH",
    "title": "Algebra",
    "level": "high",
    "total": 1,
    "students": [student("ada", "Ada Lovelace")],
}


def test_it_names_course_reasons_and_what_to_do_next() -> None:
    told = text(MESSAGE, Wording())
    for part in (
        "In Algebra (MATH), a student is now at high risk.",
        "ada: high\n  - 2 of 3 pieces of work are missing.",
        'spm followup add ada --course MATH --note "..."',
    ):
        assert part in told


@pytest.mark.parametrize("with_names", [True, False])
def test_it_names_people_only_where_that_is_wanted(with_names: bool) -> None:
    wording = Wording(with_names)
    told = text(MESSAGE, wording) + str(for_programs(MESSAGE, wording))
    assert ("Lovelace" in told) is with_names


def test_it_links_to_the_page_of_the_student_or_of_the_course() -> None:
    wording = Wording(dashboard="https://school.example/pages/")
    assert link(MESSAGE | {"students": [student("a & b")]}, wording) == (
        "https://school.example/pages/student?id=a+%26+b"
    )
    digest = MESSAGE | {"total": 2, "students": [student("ada"), student("bob")]}
    assert link(digest, wording) == "https://school.example/pages/course?id=MATH"
    assert "https://school.example/pages/student?id=ada" in text(MESSAGE, wording)
    assert for_programs(MESSAGE, wording)["link"].endswith("/student?id=ada")
    assert for_programs(MESSAGE, Wording())["link"] is None


def test_a_digest_says_how_many_there_are() -> None:
    digest = MESSAGE | {"total": 300, "students": [student(f"s{n}") for n in range(20)]}
    told = text(digest, Wording())
    assert "300 students are now at a higher risk than before" in told
    assert "And 280 more: spm risk list --course MATH" in told
    assert subject(digest) == "MATH: 300 students at high risk"


@pytest.mark.parametrize("course", ["Geschichte für Anfänger", "a\nb\x1b[31m", "x" * 500])
def test_a_subject_is_what_sns_takes(course: str) -> None:
    line = subject(MESSAGE | {"course": course})
    assert line.isascii()
    assert line.isprintable()
    assert 0 < len(line) <= LONGEST_SUBJECT


def test_attributes_let_subscribers_filter_and_tell_repeats() -> None:
    published: dict[str, Any] = {}
    topic(lambda **given: published.update(given), "arn:topic", Wording())(MESSAGE)
    values = {name: one["StringValue"] for name, one in published["MessageAttributes"].items()}
    assert values == {"course": "MATH", "level": "high", "alert_id": MESSAGE["alert_id"]}


def test_a_signature_is_over_timestamp_and_body() -> None:
    expected = hmac.new(b"secret", b"1795348800.{}", hashlib.sha256).hexdigest()
    assert sign("secret", "1795348800", b"{}") == f"sha256={expected}"
    assert sign("secret", "1795348801", b"{}") != sign("secret", "1795348800", b"{}")


def test_each_is_acknowledged_before_the_next_is_sent() -> None:
    waiting = [MESSAGE | {"alert_id": str(number)} for number in range(3)]
    done: list[str] = []

    def ask(command: Any) -> Any:
        if command["command"] == "alerts_take":
            return {"messages": [waiting.pop(0) for _ in waiting[:2]]}
        done.append(f"noted {command['alert_id']} {command['error']}")
        return {}

    def send(message: Any) -> None:
        done.append(f"sent {message['alert_id']}")
        if message["alert_id"] == "1":
            raise OSError("no route")

    outcome = deliver(ask, "sns", send, time.monotonic() + 60)
    assert done == ["sent 0", "noted 0 None", "sent 1", "noted 1 OSError: no route", "sent 2", "noted 2 None"]
    assert outcome == Outcome(sent=2, failed=1)


def test_nothing_is_taken_when_time_is_up() -> None:
    outcome = deliver(lambda _: {"messages": 1 / 0}, "sns", lambda _: None, time.monotonic() - 1)
    assert outcome == Outcome(sent=0, failed=0)
