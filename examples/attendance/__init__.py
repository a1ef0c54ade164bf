"""Who was in which class session. This pipeline takes a format of its own as well as JSON."""

from pathlib import Path
from typing import Final, Literal

from msgspec import convert

from processor.pipeline import Decoder, Pipeline
from processor.projections.projection import Immediate
from processor.records.message import Message, Name
from processor.records.parsing import read_parser


class CheckIn(Message, frozen=True):
    """What a producer sends."""

    session_id: Name
    student_id: Name
    status: Literal["present", "late"]


def read_badge(data: bytes) -> CheckIn:
    """Return the check-in in a badge reader's line: ``BADGE session student time``."""
    _, session_id, student_id, timestamp = data.decode().split()
    members = {"session_id": session_id, "student_id": student_id, "status": "present"}
    return convert(members | {"timestamp": timestamp}, CheckIn)


PIPELINE: Final = Pipeline(
    name="attendance",
    message=CheckIn,
    folder=Path(__file__).parent,
    key="student_id",
    student="student_id",
    filters=("session_id", "student_id"),
    decoders=(Decoder(read_parser(CheckIn, read_badge), of_data=lambda data: data.startswith(b"BADGE ")),),
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
