"""Computes what must be found in the database after a known set of events was sent."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spm.term import NativeEvent


@dataclass
class StudentTally:
    """One student's part of what was sent."""

    events: int = 0
    scores: list[float] = field(default_factory=list)
    last_activity: str = ""

    @property
    def mean_score(self) -> float | None:
        """The mean of the scores that were given, or None without any."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else None


class Tally:
    """Counts events on their way out."""

    def __init__(self) -> None:
        self.students: defaultdict[str, StudentTally] = defaultdict(StudentTally)

    def add(self, event: NativeEvent) -> None:
        """Count one event."""
        student = self.students[event["student_id"]]
        student.events += 1
        score = event.get("score")
        if score is not None:
            student.scores.append(score)
        student.last_activity = max(student.last_activity, event["timestamp"])

    def differences(self, rows: Sequence[Sequence[Any]]) -> list[str]:
        """Return a line for each difference from rows of (student_id, events, mean score, last activity)."""
        found = {row[0]: (row[1], row[2]) for row in rows}
        different = []
        for student_id in sorted(self.students.keys() | found.keys()):
            sent = self.students.get(student_id)
            expected = (sent.events, sent.mean_score) if sent else (0, None)
            if not _same(expected, found.get(student_id, (0, None))):
                different.append(f"{student_id}: sent {expected}, stored {found.get(student_id)}")
        return different


class Figure(NamedTuple):
    """A figure that must come out as expected."""

    what: str
    expected: object
    seen: object

    @property
    def holds(self) -> bool:
        """Whether it did."""
        return self.expected == self.seen


def _same(a: tuple[int, float | None], b: tuple[int, float | None]) -> bool:
    if a[0] != b[0] or (a[1] is None) != (b[1] is None):
        return False
    return a[1] is None or b[1] is None or math.isclose(a[1], b[1], rel_tol=1e-9)
