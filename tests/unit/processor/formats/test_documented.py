"""Every row of docs/formats.md is tried, and no test names a row that is not there."""

import re
from pathlib import Path

from processor.records.formats import wrapping
from tests.unit.processor.formats import canvas_kinds, test_caliper, test_canvas, test_xapi  # noqa: F401 - they fill TRIED
from tests.unit.processor.formats.documents import TRIED

FORMATS = (Path(__file__).parents[4] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_every_row_is_tried() -> None:
    assert set(re.findall(r"^\| ([A-Z]\d+) \|", FORMATS, re.MULTILINE)) == TRIED


def test_every_format_and_choice_of_a_student_id_is_documented() -> None:
    for name, form in wrapping.FORMATS.items():
        assert all(f"`{word}`" in FORMATS for word in (name, *form.fields) if word != "user_id")


def test_every_kind_of_canvas_is_documented_as_it_is_tested() -> None:
    table = FORMATS.partition("### Each kind that Canvas documents")[2]
    told: dict[str, bool] = {}
    for kinds, becomes in re.findall(r"^\| (`.*?) \| (.*?) \|$", table, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`([a-z_.]+)`", kinds), "`no_student`" not in becomes)
    assert told == {name: kind.becomes is not None for name, kind in canvas_kinds.KINDS.items()}
