"""Who was in which class session: a second pipeline, as docs/extending.md builds it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

from msgspec import DecodeError, Meta, Struct, ValidationError, convert
from msgspec.json import Decoder as JsonDecoder

from processor import statements
from processor.errors import RejectRecord
from processor.pipeline import Decoder, Pipeline
from processor.projections.projection import Immediate

FOLDER: Final = Path(__file__).parent

Name = Annotated[str, Meta(min_length=1, max_length=50)]
Time = Annotated[datetime, Meta(tz=True)]


class CheckIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What a producer sends."""

    session_id: Name
    student_id: Name
    status: Literal["present", "late"]
    timestamp: Time
    event_id: UUID | None = None


class Columns(NamedTuple):
    """What of it goes into the table ``attendance``."""

    event_id: UUID | None
    session_id: str
    student_id: str
    status: str
    occurred_at: datetime


_decode = JsonDecoder(CheckIn).decode


def parse(data: bytes, _arrived_at: datetime) -> Columns:
    """Return the columns of a check-in that is JSON; raise RejectRecord, and nothing else."""
    try:
        return _columns(_decode(data))
    except ValidationError as error:
        raise RejectRecord("invalid_member", str(error)) from error
    except (DecodeError, ValueError, RecursionError) as error:
        raise RejectRecord("not_json", str(error)) from error


def parse_badge(data: bytes, _arrived_at: datetime) -> Columns:
    """Return the columns of a badge reader's line: ``BADGE session student time``; raise RejectRecord."""
    try:
        _, session_id, student_id, time = data.decode().split()
        members = {"session_id": session_id, "student_id": student_id, "status": "present", "timestamp": time}
        return _columns(convert(members, CheckIn))
    except (ValidationError, ValueError) as error:
        raise RejectRecord("invalid_member", f"no line of a badge reader: {error}") from error


def _columns(check_in: CheckIn) -> Columns:
    if not 1 < check_in.timestamp.year < 9999:
        raise RejectRecord("invalid_member", "Expected a year from 0002 to 9998 - at `$.timestamp`")
    return Columns(
        check_in.event_id, check_in.session_id, check_in.student_id, check_in.status, check_in.timestamp
    )


PIPELINE: Final = Pipeline(
    name="attendance",
    table="attendance",
    columns=Columns,
    decoders=(Decoder(parse_badge, of_data=lambda data: data.startswith(b"BADGE ")), Decoder(parse)),
    sql=statements.load(FOLDER / "attendance.sql"),
    migrations=FOLDER / "migrations",
    key="student_id",
    filters=("session_id", "student_id"),
    projections=(
        Immediate(
            "session_attendance",
            key=("session_id", "month"),
            adds=("check_ins", "late"),
            least=("first_at",),
            greatest=("last_at",),
        ),
    ),
)
