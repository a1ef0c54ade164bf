"""The pipeline that ships: student performance events."""

from typing import Final

from processor import statements
from processor.pipeline import Decoder, Pipeline
from processor.projections.projection import Deferred
from processor.records.native import Columns, parse

PIPELINE: Final = Pipeline(
    name="student-performance",
    table="student_performance",
    columns=Columns,
    decoders=(Decoder(parse),),
    sql=statements.load(statements.FOLDER / "student_performance.sql"),
    migrations=statements.FOLDER / "migrations",
    key="student_id",
    filters=("student_id", "event_type", "course"),
    projections=(
        Deferred(
            "student_activity",
            key=("student_id", "day", "month"),
            adds=("events", "scored", "score_sum", "score_squares"),
            least=("first_at",),
            greatest=("last_at",),
        ),
    ),
)
