"""What may be a student's id in bytes that need not be an event, or anything that can be parsed. Pure."""

import json
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

LONGEST: Final = 50  # as long as a student's id may be

_WORD: Final = re.compile(r"[\w.@:-]+")
# What is quoted may hold spaces. Each quotation mark begins one (look-ahead), whatever stands before it.
_QUOTED: Final = re.compile(rf'"(?=([^"]{{1,{LONGEST}}})")')
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def tokens(payload: bytes) -> AbstractSet[str]:
    """Return each word and each quoted text, or the student that an object names. Linear in the bytes.

    A word counts without what stands before a colon in it, too. UTF-16 is read by leaving out its zero bytes,
    and JSON's escapes of characters are undone.
    """
    try:
        sent = json.loads(payload)
    except (ValueError, RecursionError):
        sent = None
    if isinstance(sent, dict) and isinstance(sent.get("student_id"), str):
        return {sent["student_id"]}
    text = payload.replace(b"\0", b"").decode(errors="replace")
    if "\\u" in text:
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    words = (word for run in _WORD.findall(text) for word in _words(run))
    return {*words, *_QUOTED.findall(text)}


def _words(run: str) -> Iterator[str]:
    if len(run) <= LONGEST:
        yield run
    end = run[-LONGEST - 1 :]
    while ":" in end:
        _, _, end = end.partition(":")
        yield end
