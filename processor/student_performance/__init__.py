"""The shipped pipeline: student performance events, native or as xAPI, Caliper and Canvas send them."""

from pathlib import Path
from typing import Final

from processor.pipeline import Decoder, Pipeline
from processor.projections.projection import Deferred
from processor.records import native
from processor.records.formats import stream

PIPELINE: Final = Pipeline(
    name="student-performance",
    message=native.StudentEvent,
    parse=native.parse,
    decoders=(Decoder(stream.parse, of_data=stream.is_foreign),),
    folder=Path(__file__).parent,
    key="student_id",
    student="student_id",
    filters=("student_id", "event_type", "metadata.course"),
    projections=(
        Deferred(
            "student_assessment",
            key=("course", "assessment", "student_id", "month"),
            least=("handed_in_at",),
            latest=("score", "max_score"),
        ),
        Deferred(
            "student_course",
            key=("course", "student_id", "month"),
            adds=("events", "scored", "score_sum", "present", "late", "absent", "excused"),
            least=("first_at", "first_absent_at"),
            greatest=("last_at",),
        ),
        Deferred(
            "course_day",
            key=("course", "day", "event_type", "month"),
            adds=("events", "scored", "score_sum"),
            greatest=("last_at",),
        ),
        Deferred(
            "course_hour",
            key=("course", "hour", "month"),
            adds=("events", "present", "late", "absent", "excused"),
        ),
    ),
)
