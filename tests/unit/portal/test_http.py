"""What a body may be, and how it is unpacked."""

import gzip
import zlib

import pytest

from portal.ingest.http import MOST_BYTES, HttpAnswer, Refusal, read, refused, response
from tests.unit.portal.requests import invocation, request

JSON = "application/json"


def status(*arguments: object, **headers: str) -> int:
    with pytest.raises(Refusal) as refusal:
        read(invocation("POST", "/events", *arguments, **headers))  # type: ignore[arg-type]  # a body
    return refusal.value.status


def test_a_body_arrives_as_text_as_base64_and_compressed() -> None:
    for body in ("{}", b"{}"):
        assert request("POST", "/events", body, Content_Type=JSON).body == b"{}"
    assert request("POST", "/events", gzip.compress(b"{}"), content_encoding="gzip").body == b"{}"


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(200 * MOST_BYTES), 9)
    assert len(bomb) < MOST_BYTES
    assert status(bomb, content_encoding="gzip") == 413


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"x" * (MOST_BYTES + 1), {}, 413),
        (b"{}", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"{}")[:-4], {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"{}") + b"{}", {"content_encoding": "gzip"}, 400),
        (gzip.compress(gzip.compress(b"{}")), {"content_encoding": "gzip, gzip"}, 415),
        (zlib.compress(b"{}"), {"content_encoding": "deflate"}, 415),
        (b"{}", {"content_encoding": "br"}, 415),
        ("{}".encode("utf-16"), {"content_type": 'application/json; charset="UTF-16"'}, 415),
        (b"{}", {"content_type": "application/json;charset=latin1"}, 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, headers: dict[str, str], expected: int) -> None:
    assert status(body, **headers) == expected


def test_a_body_that_is_said_to_be_base64_and_is_not_is_refused() -> None:
    broken = invocation("POST", "/events", "%%%") | {"isBase64Encoded": True}
    with pytest.raises(Refusal, match="did not arrive"):
        read(broken)


def test_an_answer_has_a_body_even_where_it_is_empty() -> None:
    assert response(HttpAnswer(204))["body"] == ""
    answer = refused(Refusal(503, "later", headers={"retry-after": "5"}))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
