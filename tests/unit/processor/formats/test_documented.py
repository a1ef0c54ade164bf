"""Every row of docs/formats.md is tried, and no test names a row that is not there."""

import re
from pathlib import Path

from processor.records.formats import wrapping
from tests.unit.processor.formats import test_caliper, test_canvas, test_xapi  # noqa: F401 - they fill TRIED
from tests.unit.processor.formats.documents import TRIED

FORMATS = (Path(__file__).parents[4] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_every_row_is_tried() -> None:
    assert set(re.findall(r"^\| ([A-Z]\d+) \|", FORMATS, re.MULTILINE)) == TRIED


def test_every_format_and_choice_of_a_student_id_is_told() -> None:
    for name, form in wrapping.FORMATS.items():
        assert all(f"`{word}`" in FORMATS for word in (name, *form.fields) if word != "user_id")
