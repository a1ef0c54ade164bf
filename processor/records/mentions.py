"""Whether what was sent is about a student, where it could not be read as an event. Pure."""

import json
import re
from collections.abc import Sequence

from processor.records import kpl


def spellings(student: str) -> Sequence[str]:
    """Return the id as JSON may hold it: as it is, and with its characters beyond ASCII escaped."""
    escaped = json.dumps(student)[1:-1]
    return tuple(
        dict.fromkeys([student, json.dumps(student, ensure_ascii=False)[1:-1], escaped, _upper(escaped)])
    )


def mentions(payload: bytes, student: str) -> bool:
    """Tell whether the payload holds the id as a word of its own, unless it names another as its student."""
    try:
        sent = json.loads(payload)
    except (ValueError, RecursionError):
        sent = None
    if isinstance(sent, dict) and isinstance(sent.get("student_id"), str):
        return bool(sent["student_id"] == student)
    text = payload.decode(errors="replace")
    return any(re.search(rf"(?<![\w.@-]){re.escape(word)}(?![\w.@:-])", text) for word in spellings(student))


def is_shared(payload: bytes) -> bool:
    """Tell whether it is an aggregate, which holds what others sent, too."""
    return payload.startswith(kpl.MAGIC)


def _upper(escaped: str) -> str:
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)
