"""JSON is checked in two steps: a quick look suspects what an exact check may refuse.

The quick look may suspect too much, but it must never let something through that the exact check refuses.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import DecodeError, json

from processor.errors import RejectRecord
from processor.records import strict


def is_refused(data: bytes) -> bool:
    try:
        strict.check(data)
    except RejectRecord:
        return True
    return False


def is_suspected(document: str) -> bool:
    """Take the quick look, as the decoder does."""
    data = document.encode()
    return strict.may_refuse(data, json.encode(json.decode(data)))


@pytest.mark.parametrize(
    "document",
    [
        '{"a": 1, "a": 2}',  # a name occurs twice
        '{"a": {"b": 1, "b": 1}}',
        '{"a": 1, "\\u0022": 2, "a": 3}',  # an escaped quotation mark hides one of two
        '"\\u0000"',  # PostgreSQL has no such character
        "0e1500",  # more than 1,000 digits when it is written out
        "9" * 880 + "e-1001",
    ],
)
def test_what_the_exact_check_refuses_is_suspected(document: str) -> None:
    assert is_refused(document.encode())
    assert is_suspected(document)


@pytest.mark.parametrize("document", ['{"a": 1.5, "b": [0, "x"]}', '{"e": "e123", "t": "1e5"}', "1" * 170])
def test_what_is_common_is_not_suspected(document: str) -> None:
    assert not is_suspected(document)


FIELD = st.sampled_from(["", "0", "1", "5", "000", "123"])


def many(digit: str) -> st.SearchStrategy[str]:
    return st.integers(0, 1_100).map(lambda count: digit * count)


def numbers() -> st.SearchStrategy[str]:
    whole = st.just("0") | st.builds("{}{}{}".format, st.sampled_from("123456789"), many("0"), FIELD)
    fraction = st.just("") | st.builds(".{}{}{}7".format, many("0"), many("9"), FIELD)
    exponents = st.integers(0, 1_500) | st.integers(0, 10**9)
    exponent = st.just("") | st.builds(
        "{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-", "-00"]), exponents
    )
    return st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), whole, fraction, exponent)


ESCAPES = ["a", "\\\\", '\\"', "\\u0022", "\\u0000", "\\ud83d\\ude00", "\\uD83D", "\\udfff", "\\u0061", "é"]
STRINGS = st.lists(st.sampled_from(ESCAPES), max_size=4).map(lambda parts: f'"{"".join(parts)}"')
DOCUMENTS = st.recursive(
    numbers() | STRINGS | st.sampled_from(["null", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(STRINGS, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
        )
    ),
    max_leaves=6,
)


@given(DOCUMENTS)
@example("-0.0E+1500")
@example("0." + "0" * 700 + "1e1000")
def test_nothing_that_the_exact_check_refuses_gets_past_the_quick_look(document: str) -> None:
    try:
        suspected = is_suspected(document)
    except DecodeError:
        return  # it cannot be decoded, so it does not get past the quick look
    assert suspected or not is_refused(document.encode())
