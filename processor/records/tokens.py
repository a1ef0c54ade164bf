"""What may be a student's id in bytes that need not be an event, or anything that can be parsed."""

import re
from collections.abc import Set as AbstractSet
from typing import Final

LONGEST: Final = 50  # as long as a student's id may be

_WORD: Final = re.compile(rf"[\w.@:-]{{1,{LONGEST}}}")
# What is quoted may hold spaces. Each quotation mark begins one (look-ahead), whatever stands before it.
_QUOTED: Final = re.compile(rf'"(?=([^"]{{1,{LONGEST}}})")')
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def tokens(payload: bytes) -> AbstractSet[str]:
    """Return each word and each quoted text. Linear in the bytes.

    UTF-16 is read by leaving out its zero bytes, and JSON's escapes of characters are undone.
    """
    text = payload.replace(b"\0", b"").decode(errors="replace")
    if "\\u" in text:
        text = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return {*_WORD.findall(text), *_QUOTED.findall(text)}
