"""Records that cannot be published, and why."""

from typing import NamedTuple


class BadRecord(NamedTuple):
    """A record that the processor would reject. ``kind`` is the same for all records with the same fault.

    ``value`` is what was found and ``right`` is an example of what could be there, if these are known.
    """

    line: int
    reason: str
    detail: str
    kind: str
    value: str | None = None
    right: str | None = None
