"""Every parameter of every command gets values that PostgreSQL or its client cannot take."""

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from emulation.postgres import PostgresServer
from processor import operations, reading
from processor.commands import registry
from processor.commands.command import Command, name_of
from processor.commands.query import Query
from processor.commands.redrive import Redrive
from processor.commands.rejected import Rejected
from processor.commands.retention import Retention
from processor.reports import TIMES as REPORT_TIMES
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import CommandContext
from tests.integration.processor.conftest import owning

REQUIRED: Final[dict[str, dict[str, Any]]] = {
    "alerts_acknowledge": {"alert_id": str(UUID(int=1))},
    "alerts_mute": {"course": "math", "off": True},
    "alerts_take": {"channel": "sns"},
    "course": {"course": "math", "who": "a test"},
    "follow_up": {"course": "math", "student": "ada", "note": "called", "who": "a test"},
    "dismiss": {"because": "they are tests", "dry_run": True},
    "erase": {"students": ["ada"]},
    "erase_again": {
        "key": "of another database",
        "tombstones": [{"hash": "0" * 64, "erased_at": "2026-11-30T00:00:00Z", "lifted_at": None}],
    },
    "erase_lift": {"students": ["ada"]},
    "erase_plan": {"students": ["ada"]},
    "export": {"table": "risk"},
    "export_student": {"student": "ada", "who": "a test"},
    "query": {"report": "tail"},
    "rebuild": {"projection": SHIPPED.projections[0].name},
    "retention": {"older_than": "2026-01"},
    "redrive": {"dry_run": True},
    "risk_rule_set": {"name": "high_at", "value": 1.7},
    "roster_except": {
        "course": "math",
        "assessment": "A1",
        "student": "ada",
        "word": "excused",
        "who": "a test",
    },
    "roster_import": {"import_id": str(UUID(int=1)), "chunks": 0},
    "roster_stage": {"import_id": str(UUID(int=1)), "number": 0, "rows": {}},
    "search": {"text": "a"},
    "student": {"student": "ada", "who": "a test"},
    "trace": {"shard_id": "shardId-000000000000", "sequence_number": "1"},
}
UNKNOWN: Final = {
    "erase_again": "these tombstones were made with the key of another database",
    "erase_lift": "ada was not erased",
    "roster_except": "the course math has no assessment A1",
    "course": "there is no course math",
    "follow_up": "there is no student ada",
    "student": "there is no student ada",
}
"""What a command says about something that is not in the database of these tests."""
TEXTS: Final = ("\0", "a\0b", "\ud800", "a\udfffb", "\udc00\ud800")
INTEGERS: Final = (2**31, 2**63, 2**64, 10**40, -1, -(2**63) - 1)
CURSORS: Final = (
    "99999999999999999999/1/1",
    "1/1/99999999999999999999",
    "2147483648/1/1",
    "-1/1/1",
    "1/\0/1",
    "1//1",
    "²/1/1",
    "1/1/1\n",
    "",
)
TIMES: Final = (
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00",
    "2026-01-01T00:00:00.\0Z",
)
MONTHS: Final = ("٢٠٢٦-01", "2026-01\n", "2026-13")
HOSTILE: Final[tuple[Any, ...]] = (
    *TEXTS,
    *INTEGERS,
    *CURSORS,
    *TIMES,
    *MONTHS,
    [],
    {},
    ["\0"],
    {"\0": "a"},
    {"a": "\ud800"},
)

KINDS: Final = tuple(registry.KINDS.values())


@pytest.fixture(scope="module")
def refusing(server: PostgresServer) -> Iterator[None]:
    """One database for all tests in which every command is refused, because they leave nothing there."""
    with pytest.MonkeyPatch.context() as patch, owning(server, patch):
        yield


def answer_to(kind: type[Command[Any]], **parameters: Any) -> dict[str, Any]:
    """Return the handler's answer, and check that Lambda can send it as UTF-8."""
    handler = reading.handler if kind.function == "reports" else operations.handler
    answer = handler(
        {"command": name_of(kind), **REQUIRED.get(name_of(kind), {}), **parameters}, CommandContext()
    )
    json.dumps(answer, ensure_ascii=False).encode()
    return answer


@pytest.mark.usefixtures("as_owner")
@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_no_value_of_any_parameter_makes_a_command_raise(kind: type[Command[Any]]) -> None:
    refused, expected = answer_to(kind).get("refused"), UNKNOWN.get(name_of(kind))
    assert refused is None if expected is None else str(refused).startswith(expected)
    raised = {}
    for name in (*kind.__struct_fields__, "unknown"):
        for value in HOSTILE:
            try:
                answer_to(kind, **{name: value})
            except Exception as error:  # noqa: BLE001 - each is a finding
                raised[name, repr(value)] = repr(error)
    assert raised == {}


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_what_no_text_of_postgresql_can_hold_is_refused_by_its_path(kind: type[Command[Any]]) -> None:
    for name in kind.__struct_fields__:
        for text in TEXTS:
            assert answer_to(kind, **{name: text})["refused"].startswith(f"{name} holds U+0000 or half")


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_an_integer_out_of_its_range_is_refused_by_its_path(kind: type[Command[Any]]) -> None:
    for field in msgspec.structs.fields(kind):
        for value in INTEGERS:
            refused = answer_to(kind, **{field.name: value})["refused"]
            assert f"$.{field.name}" in refused or "out of range" in refused, (field.name, value, refused)


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("parameter", [*SHIPPED.filters, *REPORT_TIMES])
def test_filters_of_a_report_are_refused_too(parameter: str) -> None:
    for value in (*TEXTS, *TIMES[:2]):
        answer = answer_to(Query, report="tail", parameters={parameter: value})
        if parameter in REPORT_TIMES or value in TEXTS:
            assert parameter in answer["refused"], value


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize("kind", [Rejected, Redrive], ids=name_of)
def test_a_cursor_that_no_page_gave_is_refused(kind: type[Command[Any]], cursor: str) -> None:
    assert "after" in answer_to(kind, after=cursor)["refused"]


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("month", MONTHS)
def test_a_month_in_other_characters_is_refused(month: str) -> None:
    """Months are compared as text, and every month sorts before one in Arabic digits."""
    assert "older_than" in answer_to(Retention, older_than=month)["refused"]
