"""The statements with which projections are kept, as an author is shown them."""

import re

import pytest

from examples import attendance
from processor.pipeline import Pipeline
from processor.student_performance import PIPELINE


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [(PIPELINE, {"queue", "take_chunks"}), (attendance.PIPELINE, {"make_fresh", "take_span"})],
    ids=["deferred", "immediate"],
)
def test_each_statement_has_every_name_filled_in(pipeline: Pipeline, expected: set[str]) -> None:
    statements = dict(pipeline.upkeep.statements())
    assert expected <= statements.keys()
    for projection in pipeline.projections:
        mine = [sql for name, sql in statements.items() if name.startswith(f"{projection.name}, ")]
        assert len(mine) == 3
        assert all(projection.name in sql for sql in mine)
    assert not [name for name, sql in statements.items() if re.search(r"\{\w+\}", sql)]
