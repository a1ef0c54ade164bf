"""Writes messages: as text for people, as JSON for programs. No I/O."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urljoin

Message = Mapping[str, Any]
"""One message, as ``alerts_take`` answers it (docs/reference.md)."""


class Wording(NamedTuple):
    """What messages may say: people's names, and the address of the dashboard if there is one."""

    with_names: bool = False
    dashboard: str | None = None


LONGEST_SUBJECT: Final = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html


def subject(message: Message) -> str:
    """Return one line of ASCII without control characters, as SNS requires."""
    whom = "a student" if message["total"] == 1 else f"{message['total']:,} students"
    line = f"{message['course']}: {whom} at {message['level']} risk".encode("ascii", "replace").decode()
    return "".join(character if character.isprintable() else " " for character in line)[:LONGEST_SUBJECT]


def text(message: Message, wording: Wording) -> str:
    """Return a text that says who is at which risk, why, and what to do next."""
    course = message["title"]
    if message["title"] != message["course"]:
        course = f"{message['title']} ({message['course']})"
    shown, total = message["students"], message["total"]
    lines = [f"In {course}, {_how_many(message)}.", ""]
    for student in shown:
        lines += [
            f"{_who(student, with_names=wording.with_names)}: {student['level']}",
            *_reasons(student),
            "",
        ]
    if total > len(shown):
        lines += [f"And {total - len(shown):,} more: spm risk list --course {message['course']}", ""]
    lines += [
        "What to do next: talk to the student, ask what is in the way, and note it:",
        f'  spm followup add {shown[0]["student"]} --course {message["course"]} --note "..."',
        "All reasons, and what has changed since:",
        f"  spm risk show {shown[0]['student']}",
        *_on_the_dashboard(message, wording),
    ]
    return "\n".join(lines) + "\n"


def link(message: Message, wording: Wording) -> str | None:
    """Return the address of the student's page, or of the course's page if there are several students."""
    if wording.dashboard is None:
        return None
    if message["total"] == 1:
        page, name = "student", message["students"][0]["student"]
    else:
        page, name = "course", message["course"]
    return urljoin(wording.dashboard, f"{page}?{urlencode({'id': name})}")


def for_programs(message: Message, wording: Wording) -> dict[str, Any]:
    """Return the message with its text and link, and with people's names only if they are wanted."""
    students = [
        {name: value for name, value in student.items() if wording.with_names or name != "display_name"}
        for student in message["students"]
    ]
    return {
        **message,
        "students": students,
        "text": text(message, wording),
        "link": link(message, wording),
    }


def _how_many(message: Message) -> str:
    if message["total"] == 1:
        return f"a student is now at {message['level']} risk"
    return f"{message['total']:,} students are now at a higher risk than before"


def _on_the_dashboard(message: Message, wording: Wording) -> list[str]:
    address = link(message, wording)
    return [f"  {address}"] if address else []


def _who(student: Message, *, with_names: bool) -> str:
    name = student.get("display_name")
    return f"{name} ({student['student']})" if with_names and name else str(student["student"])


def _reasons(student: Message) -> list[str]:
    return [f"  - {reason['sentence']}" for reason in student["reasons"]]
