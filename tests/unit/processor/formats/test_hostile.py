"""Nothing that anybody sends makes a decoder fail, or take more time than its size explains."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.errors import RejectRecord
from processor.records.formats import caliper, stream, wrapping
from processor.records.formats.event import Sender
from processor.records.strict import MAX_NESTING
from tests.unit.processor.formats.documents import ARRIVED, grade_event, live_event, refusals, statement

BODY = {
    "student_id": "48",
    "user_id": "48",
    "score": 1,
    "points_possible": 2,
    "course": {"id": 1},
    "user": {"id": 1},
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "xapi/1.0.3": statement(result={"score": {"raw": 1, "min": 0, "max": 2}, "duration": "PT1S"}),
    "xapi/2.0": statement(result={"score": {"scaled": 0.5}}),
    "caliper/1.2": grade_event(membership={"id": "urn:m", "type": "Membership", "roles": ["Learner"]}),
    "canvas": live_event("grade_change", BODY),
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = [path] if path else []
    for name, value in inner:
        here = (*path, name)
        found += places(value, here) if isinstance(value, dict | list) else [here]
    return found


def replaced(document: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    changed = document.copy()
    changed[path[0]] = replaced(document[path[0]], path[1:], value)
    return changed


def try_all(form: str, original: bytes, sender: Sender) -> None:
    found = refusals(form, sender, original, ARRIVED)
    try:
        columns = wrapping.FORMATS[form].decode(original, form, sender, ARRIVED)
    except RejectRecord as no:
        assert str(no) == str(found[0])
        assert no.detail
    else:
        assert found == []
        assert 1 <= len(columns.student_id) <= 50
        assert 1 <= len(columns.event_type) <= 50
        assert json.loads(columns.metadata)["format"] == form


@given(st.binary() | st.text().map(str.encode) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(data: bytes) -> None:
    for begin in (b"", b'{"format":"xapi/2.0","sender":"x","data":', b'{"attributes":{'):
        with pytest.raises(RejectRecord):
            stream.parse(begin + data, ARRIVED)
    with pytest.raises(RejectRecord):
        caliper.open_envelope(data)


@pytest.mark.parametrize("form", DOCUMENTS)
@given(data=st.data())
def test_any_json_anywhere_in_a_document(form: str, data: st.DataObject) -> None:
    document = DOCUMENTS[form]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        document = replaced(document, path, data.draw(values))
    fields = [None, *wrapping.FORMATS[form].fields]
    sender = Sender("x", data.draw(st.sampled_from(fields)))
    try_all(form, json.dumps(document).encode(), sender)


def seconds(form: str, original: bytes) -> float:
    begin = time.process_time()
    refusals(form, Sender("x"), original, ARRIVED)
    return time.process_time() - begin


SIZE = 2**18
HOSTILE: dict[str, Callable[[int], tuple[str, dict[str, Any]]]] = {
    "verb of one part": lambda n: ("xapi/2.0", statement(verb={"id": "urn:" + "a" * n + "/b"})),
    "verb of empty parts": lambda n: ("xapi/2.0", statement(verb={"id": "urn:a" + "/" * n})),
    "unknown names": lambda n: ("xapi/2.0", statement(**{f"x{i}": i for i in range(n // 12)})),
    "language": lambda n: (
        "xapi/2.0",
        statement(verb={"id": "urn:v", "display": {"en" + "-abcde" * (n // 6): ""}}),
    ),
    "languages": lambda n: (
        "xapi/2.0",
        statement(verb={"id": "urn:v", "display": {"en-" + "a-bb-" * (n // 5): ""}}),
    ),
    "address": lambda n: ("xapi/2.0", statement(actor={"mbox": "mailto:" + "a" * n})),
    "duration": lambda n: ("xapi/2.0", statement(result={"duration": "P" + "1" * n})),
    "fractions": lambda n: ("xapi/2.0", statement(result={"duration": "P" + "1,1" * (n // 3)})),
    "time": lambda n: ("xapi/1.0.3", statement(timestamp="2026-09-01T08:00:00." + "1" * n + "Z")),
    "version": lambda n: ("xapi/1.0.3", statement(version="1.0." + "1." * (n // 2))),
    "media type": lambda n: (
        "xapi/1.0.3",
        statement(attachments=[{"contentType": "a/b" + " ; a=" * (n // 5)}]),
    ),
    "components": lambda n: (
        "xapi/2.0",
        statement(
            object={"id": "urn:o", "definition": {"choices": [{"id": str(i)} for i in range(n // 14)]}}
        ),
    ),
    "parents": lambda n: (
        "xapi/2.0",
        statement(context={"contextActivities": {"parent": [{"id": "urn:a"}] * (n // 17)}}),
    ),
    "long numbers": lambda n: (
        "xapi/2.0",
        statement(context={"extensions": {"urn:x": [10**499] * (n // 502)}}),
    ),
    "quotation marks": lambda n: ("canvas", live_event("logged_in", {"a": '"' * (n // 2)})),
    "brackets": lambda n: ("canvas", live_event("logged_in", {"a": [[]] * (n // 4)})),
    "roles": lambda n: ("caliper/1.2", grade_event(action="Viewed", membership={"roles": ["a/" * (n // 2)]})),
    "actions": lambda n: ("caliper/1.2", grade_event(action="aB" * (n // 2))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_size_only(name: str) -> None:
    form, document = HOSTILE[name](SIZE)
    took = seconds(form, json.dumps(document).encode())
    assert took < 1.5  # a quadratic step would take a minute


@pytest.mark.parametrize("form", DOCUMENTS)
def test_depth_is_bounded(form: str) -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    deepest = refusals(form, Sender("x"), nested(MAX_NESTING), ARRIVED)
    assert all(no.reason != "too_deep" for no in deepest)
    for levels in (MAX_NESTING + 1, 900, 1_100, 100_000):
        assert [no.reason for no in refusals(form, Sender("x"), nested(levels), ARRIVED)] == ["too_deep"]
