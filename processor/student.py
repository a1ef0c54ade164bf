"""The pipeline that ships: student performance events."""

from typing import Final

from processor import statements
from processor.events import Columns, parse
from processor.pipeline import Decoder, Pipeline, Reaction

PIPELINE: Final = Pipeline(
    name="student-performance",
    table="student_performance",
    columns=Columns,
    decoders=(Decoder(parse),),
    sql=statements.load(statements.FOLDER / "student_performance.sql"),
    migrations=statements.FOLDER / "migrations",
    key="student_id",
    filters=("student_id", "event_type", "course"),
    reactions=(
        Reaction("student_activity", ("student_id", "occurred_at", "score"), deltas="student_activity_delta"),
    ),
)
