"""Turns what a format's decoder found in a document into the columns of an event."""

from collections.abc import Mapping
from datetime import datetime
from math import inf, isfinite
from typing import Final, NamedTuple
from uuid import UUID

from msgspec.json import Encoder

from processor.errors import RejectRecord
from processor.records.native import NativeColumns

LONGEST_ID: Final = 50

_encode = Encoder().encode


class Sender(NamedTuple):
    """Who sent a document, and which field of its actor they chose as the student id. None: the usual one."""

    name: str
    student_id: str | None = None


class Student(NamedTuple):
    """A student id, and its JSON path."""

    id: str
    path: str


class Score(NamedTuple):
    """Points, and how many were possible. Per cent is 100 × points / most; None means as the roster says."""

    points: float | None = None
    most: float | None = None


def score_of(points: float, most: float | None = None) -> Score:
    """Return a score, or none if no points were possible and so no per cent follows."""
    if not isfinite(points) or (most is not None and not 0 < most < inf):
        return Score()
    return Score(float(points), most)


def build(
    original: bytes,
    *,
    student: Student,
    event_type: str,
    occurred_at: datetime,
    event_id: UUID | None,
    score: Score,
    metadata: Mapping[str, object],
) -> NativeColumns:
    """Return the columns. ``metadata`` gets ``max_score`` and the document as it was sent.

    Raises RejectRecord if the student id is empty or longer than 50 characters, or the year is impossible.
    """
    if not 1 <= len(student.id) <= LONGEST_ID:
        expected = f"Expected a student id of 1 to {LONGEST_ID} characters, not {len(student.id)}"
        raise RejectRecord("invalid_member", f"{expected} - at `{student.path}`")
    if not 1 < occurred_at.year < 9999:
        raise RejectRecord("invalid_member", "Expected a time from the years 0002 to 9998")
    members = {**metadata, "max_score": score.most}
    head = _encode({name: value for name, value in members.items() if value is not None})
    return NativeColumns(
        event_id,
        student.id,
        event_type[:LONGEST_ID],
        score.points,
        (head[:-1] + b',"original":' + original.strip() + b"}").decode(),
        occurred_at,
    )
