"""Which book of the school library went to whom, and what came back."""

from pathlib import Path
from typing import Final, Literal

from processor.pipeline import Pipeline
from processor.projections.projection import Deferred
from processor.records.message import Message, Name, Time


class Loan(Message, frozen=True):
    """What the lending desk sends."""

    student_id: Name
    barcode: Name
    action: Literal["borrowed", "renewed", "returned"]
    due_at: Time | None = None


PIPELINE: Final = Pipeline(
    name="library-loans",
    message=Loan,
    folder=Path(__file__).parent,
    key="barcode",
    student="student_id",
    filters=("student_id", "barcode"),
    projections=(Deferred("book_loans", key=("barcode", "month"), adds=("loans",), greatest=("last_at",)),),
)
