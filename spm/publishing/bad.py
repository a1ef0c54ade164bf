"""What cannot be published, and why."""

from typing import NamedTuple


class BadRecord(NamedTuple):
    """A record that the processor would reject. ``kind`` is the same for all that have the same fault.

    ``value`` is what was found, ``right`` an example of what could stand there, where these are known.
    """

    line: int
    reason: str
    detail: str
    kind: str
    value: str | None = None
    right: str | None = None
