"""The parser accepts exactly what the exported schema accepts."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import Meta, Raw
from typer.testing import CliRunner

from examples import attendance, library_loans
from processor.errors import RejectRecord
from processor.pipeline import Pipeline
from processor.records.message import Message, Name, Time
from processor.student_performance import PIPELINE as SHIPPED
from spm.authoring.schema import schema_of
from spm.cli import app

ARRIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Size(StrEnum):
    """Of which there are two."""

    SMALL = "small"
    LARGE = "large"


class Everything(Message, frozen=True):
    """A member of each type that a column takes."""

    name: Annotated[Name, Meta(description="Whose it is.")]
    code: Annotated[str, Meta(pattern="^[a-z]")] | None = None
    size: Size | None = None
    ready: bool = False
    count: Annotated[int, Meta(ge=0)] = 0
    weight: Annotated[float, Meta(gt=0)] = 1.0
    price: Decimal | None = None
    day: date | None = None
    until: Time | None = None
    notes: Raw = Raw(b"[]")
    renamed: str = msgspec.field(default="", name="as-sent")


EVERYTHING = Pipeline(name="everything", message=Everything, folder=Path(), key="name")
PIPELINES = {p.name: p for p in (SHIPPED, library_loans.PIPELINE, attendance.PIPELINE, EVERYTHING)}
SCHEMAS = {name: schema_of(pipeline) for name, pipeline in PIPELINES.items()}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}

EVENTS = {
    "student-performance": {"student_id": "s", "event_type": "t"},
    "library-loans": {"student_id": "s", "barcode": "b", "action": "borrowed"},
    "attendance": {"session_id": "m", "student_id": "s", "status": "late"},
    "everything": {"name": "n"},
}

TIMES = (
    "2026-01-02T03:04:05Z",
    "2026-01-02t03:04:05.123456789z",
    "2026-01-02 03:04:05+0100",
    "2026-01-02T03:04:05-23:59",
    "2026-01-02T23:59:60Z",
    "0001-01-02T03:04:05Z",
    "0002-01-02T03:04:05Z",
    "9998-01-02T03:04:05Z",
    "9999-01-02T03:04:05Z",
    "0000-01-02T03:04:05Z",
    "2026-01-02T03:04:05",
    "2026-01-02T24:00:00Z",
    "2026-01-02T03:04:05+24:00",
    "2026-01-02T03:04:05Z\n",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04Z",
    "2026-02-29",
    "2026-04-31T03:04:05Z",
    "2024-02-29T03:04:05Z",
    "٢٠٢٦-01-02T03:04:05Z",
    "2026-01-02",
    "2026-1-2",
    "9999-12-31",
)
UUIDS = (
    "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "6FA459EA-EE8A-3CA4-894E-DB77E160355E",
    "6fa459eaee8a3ca4894edb77e160355e",
    "{6fa459ea-ee8a-3ca4-894e-db77e160355e}",
    "6fa459ea-ee8a-3ca4-894e-db77e160355e\n",
    "6fa459ea-ee8a3ca4-894e-db77e160355e",
)
texts = st.text(max_size=60).filter(lambda text: text.isprintable() or "\0" in text)
numbers = st.sampled_from((0, 1, -1, 10**308, 10**309, 1.5, 1.79e308, -1.79e308)) | st.floats(allow_nan=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
values = anything | st.sampled_from(
    (*TIMES, *UUIDS, "borrowed", "late", "small", "abc", "Abc", "a" * 50, "a" * 51)
)


def accepted(pipeline: Pipeline, event: Mapping[str, Any]) -> bool:
    # as a producer writes it: infinity is a number beyond a double
    data = json.dumps(event).replace("-Infinity", "-1e999").replace("Infinity", "1e999").encode()
    try:
        pipeline.parser("arn:aws:kinesis:eu-central-1:111122223333:stream/s")(data, ARRIVED)
    except RejectRecord:
        return False
    return True


def agree(name: str, event: Mapping[str, Any]) -> bool:
    return accepted(PIPELINES[name], event) == VALIDATORS[name].is_valid(event)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_schema_is_one(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    VALIDATORS[name].validate(EVENTS[name])


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("student-performance", "timestamp"),
        ("library-loans", "timestamp"),
        ("library-loans", "due_at"),
        ("everything", "day"),
    ],
)
def test_times_and_days_are_exact(name: str, member: str, time: str) -> None:
    leap_day_of_no_leap_year = time == "2026-02-29" and member == "day"
    assert agree(name, EVENTS[name] | {member: time}) != leap_day_of_no_leap_year


@pytest.mark.parametrize("text", UUIDS)
def test_uuids_are_exact(text: str) -> None:
    assert agree("student-performance", EVENTS["student-performance"] | {"event_id": text})


@pytest.mark.parametrize(
    "score", [1.79e308, -1.79e308, 10**308, 10**309, -(10**309), 5e-324, None, "1", True]
)
def test_a_score_is_what_a_double_holds(score: object) -> None:
    assert agree("student-performance", EVENTS["student-performance"] | {"score": score})


@given(name=st.sampled_from([*PIPELINES]), data=st.data())
def test_the_parser_accepts_just_what_the_schema_accepts(name: str, data: st.DataObject) -> None:
    names = [*SCHEMAS[name]["properties"], "another", "b\0d"]
    changes = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=3))
    left_out = data.draw(st.sets(st.sampled_from(names), max_size=1))
    event: dict[str, Any] = {k: v for k, v in (EVENTS[name] | changes).items() if k not in left_out}
    if isinstance(event.get("count"), float) and event["count"].is_integer():
        return  # 1.0 is an integer to a schema
    if isinstance(event.get("price"), str) or event.get("day") == "2026-02-29":
        return  # what is a decimal, or a leap year, no schema can say
    assert agree(name, event), event


def test_an_authors_annotations_are_exported_and_change_no_column() -> None:
    members = schema_of(EVERYTHING)["properties"]
    assert members["name"]["description"] == "Whose it is."
    assert members["as-sent"]["pattern"] == "^[^\\u0000]*$"
    types = {column.name: column.types for column in EVERYTHING.columns}
    assert (types["name"], types["notes"], types["until"]) == (("text",), ("jsonb",), ("timestamptz",))


def test_the_command_prints_the_schema_of_a_pipeline() -> None:
    printed = CliRunner().invoke(app, ["schema", "export", "--pipeline", "examples.library_loans"]).stdout
    assert json.loads(printed) == schema_of(library_loans.PIPELINE)
    assert json.loads(CliRunner().invoke(app, ["schema", "export"]).stdout)["title"] == "student-performance"
