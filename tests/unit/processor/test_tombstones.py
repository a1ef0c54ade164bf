"""Which events, and which bytes that are not an event, belong to an erased student."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.records.kinesis import Decoded, Rejection, decode_again
from processor.records.native import parse
from processor.records.tokens import LONGEST, tokens
from processor.storage.tombstones import EVER, Tombstones
from processor.student_performance import PIPELINE as SHIPPED

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY = Tombstones(0, b"key", {}, frozenset())


def erased(*students: str, until: datetime = EVER, unmarked: bool = False) -> Tombstones:
    hashes = {NOBODY.hash_of(student): until for student in students}
    return Tombstones(1, b"key", hashes, frozenset([None] if unmarked else NOBODY.marks_of(students)))


def rejection(payload: bytes, number: str = "1") -> Rejection:
    return Rejection(number, 0, NOW, "not_json", "", payload)


def of_student(student: str, at: datetime = NOW) -> Decoded:
    sent = {"student_id": student, "event_type": "x", "timestamp": at.isoformat()}
    return decode_again(rejection(json.dumps(sent).encode(), student), parse)


@pytest.mark.parametrize("unmarked", [False, True])
def test_events_of_an_erased_student_are_left_out(unmarked: bool) -> None:
    both = Decoded([*of_student("s-1").events, *of_student("s-2").events], [], 2)
    left = erased("s-1", unmarked=unmarked).without(both, SHIPPED.student_of)
    assert [event.sequence_number for event in left.events] == ["s-2"]
    assert left.records == 2


def test_a_student_who_shares_the_mark_of_an_erased_one_is_kept() -> None:
    shared = replace(erased("s-1"), marks=frozenset(NOBODY.marks_of(["s-2"])))
    assert shared.without(of_student("s-2"), SHIPPED.student_of) == of_student("s-2")


def test_nobody_is_hashed_unless_the_mark_is_that_of_an_erased_student() -> None:
    class Counting(Tombstones):
        hashed: ClassVar[list[str]] = []

        def hash_of(self, student: str) -> bytes:
            self.hashed.append(student)
            return super().hash_of(student)

    known = Counting(**{field.name: getattr(erased("s-1"), field.name) for field in fields(Tombstones)})
    known.without(of_student("s-2"), SHIPPED.student_of)
    known.mentioned(b"s-3 and s-4", NOW)
    assert known.hashed == []
    known.without(of_student("s-1"), SHIPPED.student_of)
    assert known.hashed == ["s-1"]


def test_after_a_lift_only_what_occurred_before_is_left_out() -> None:
    lifted = erased("s-1", until=NOW)
    for at, stored in ((NOW - timedelta(microseconds=1), 0), (NOW, 1)):
        assert len(lifted.without(of_student("s-1", at), SHIPPED.student_of).events) == stored
    assert not lifted.mentioned(b"s-1", NOW)
    assert lifted.mentioned(b"s-1", NOW - timedelta(seconds=1))


def test_a_pipeline_without_a_student_keeps_its_events() -> None:
    assert erased("s-1").without(of_student("s-1"), None) == of_student("s-1")


def test_rejections_that_hold_the_id_are_left_out() -> None:
    kept = rejection(b'{"student_id": "s-10"', "2")
    found = Decoded([], [rejection(b'{"student_id": "s-1"'), kept])
    assert erased("s-1").without(found, SHIPPED.student_of).rejections == [kept]


def test_an_id_is_found_in_whatever_could_not_be_an_event() -> None:
    for student, payload in (
        ("s-1", b"s-1,quiz,87"),
        ("a@school.example", b"mail a@school.example now"),
        ("Zo\u00eb B.", b'{"student_id": "Zo\\u00eb B.", '),
        ("Zo\u00eb", '"Zo\u00eb"'.encode()),
        ("\U0001f600 x", b'["a long text that is longer than an id may be, far longer", "\\ud83d\\ude00 x"]'),
        ("s-1", '{"id":"s-1"}'.encode("utf-16")),
        ("s-1", b"\xff\xfes-1\xff"),
        ("s-1", b"student_id:s-1,score:3"),
        ("s-1", b"x" * 60 + b":s-1 "),
    ):
        assert student in tokens(payload)
        assert erased(student).mentioned(payload, NOW)


_ids = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=LONGEST,
)


@given(_ids, st.binary())
def test_a_quoted_id_is_found_beside_anything(student: str, other: bytes) -> None:
    for quoted in (json.dumps(student), json.dumps(student, ensure_ascii=False)):
        assert student in tokens(b"%s %s %s" % (other, quoted.encode(), other))


def test_an_object_that_names_its_student_is_that_students() -> None:
    payload = b'{"student_id": "s-2", "metadata": {"beside": "s-1"}, "score": "ninety"}'
    assert not erased("s-1").mentioned(payload, NOW)
    assert erased("s-2").mentioned(payload, NOW)


def test_the_hash_and_the_mark_depend_on_the_key() -> None:
    other = replace(NOBODY, key=b"other")
    assert other.hash_of("s-1") != NOBODY.hash_of("s-1")
    assert other.marks_of(["s-1"]) != NOBODY.marks_of(["s-1"])
