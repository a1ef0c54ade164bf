"""Whether bytes that are not an event are about a student."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.records.mentions import mentions


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"student_id": "ada", "score": }', True),
        (b"ada,quiz,3", True),
        (b'{"actor": {"mbox": "mailto:ada"}}', True),
        (b'{"student_id": "bob", "metadata": {"with": "ada"}}', False),
        (b'{"student_id": 7, "name": "ada"}', True),
        (b"adam,quiz,3", False),
        (b"ada@school.example", False),
        (b"not-ada", False),
        (b"[" * 100_000 + b"ada", True),
        (b"", False),
    ],
)
def test_an_id_is_found_as_a_word_of_its_own(payload: bytes, expected: bool) -> None:
    assert mentions(payload, "ada") is expected


@given(st.text(min_size=1), st.booleans())
def test_an_id_is_found_however_json_spells_it(student: str, ascii_only: bool) -> None:
    sent = json.dumps({"actor": [student]}, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    if all(not "\ud800" <= character <= "\udfff" for character in student):
        assert mentions(sent, student)
        assert mentions(sent[:-1], student)  # which is not JSON
