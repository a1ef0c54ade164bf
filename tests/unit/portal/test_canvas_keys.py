"""What Canvas signed is believed as long as Canvas publishes the key."""

import json

import pytest
from joserfc import jws
from joserfc.jwk import KeySet, RSAKey

from portal.ingest import doors
from portal.ingest.canvas_keys import AGAIN_SECONDS, FRESH_SECONDS, Keys, fetch
from portal.ingest.http import Refusal
from processor.records.formats.event import Sender
from tests.unit.portal.requests import request
from tests.unit.portal.test_credentials import Clock
from tests.unit.processor.formats.documents import live_event

EVENT = b'{"metadata":{},"body":{}}'
OLD, NEW = (RSAKey.generate_key(2048, {"kid": name, "alg": "RS256", "use": "sig"}) for name in ("old", "new"))


def signed(key: RSAKey, payload: bytes = EVENT) -> bytes:
    header = {"alg": "RS256", "kid": key.kid}
    return jws.serialize_compact(header, payload, key, algorithms=["RS256"]).encode()


class PublishedKeys:
    def __init__(self, *keys: RSAKey) -> None:
        self.keys = keys
        self.reads = 0

    def __call__(self) -> bytes:
        self.reads += 1
        if not self.keys:
            raise TimeoutError
        return json.dumps(KeySet(list(self.keys)).as_dict(private=False)).encode()


def refusal(keys: Keys, token: bytes) -> int:
    with pytest.raises(Refusal) as refused:
        keys.payload(token)
    return refused.value.status


def test_the_payload_of_what_was_signed_is_the_event() -> None:
    keys = Keys(PublishedKeys(OLD, NEW), Clock())
    assert keys.payload(signed(NEW)) == keys.payload(signed(OLD) + b"\n") == EVENT


def test_what_nobody_signed_is_refused() -> None:
    clock = Clock()
    keys = Keys(PublishedKeys(OLD), clock)
    head, payload, signature = signed(OLD).split(b".")
    other = signed(OLD, b'{"metadata":{},"body":{"score":100}}').split(b".")[1]
    unsigned = b"eyJhbGciOiJub25lIn0." + payload + b"."
    same_name = RSAKey.generate_key(2048, {"kid": "old"})
    for token in (
        b".".join((head, other, signature)),
        unsigned,
        EVENT,
        b"",
        b"\xff.\xff.\xff",
        signed(same_name),
    ):
        assert refusal(keys, token) == 403


def test_an_event_that_is_signed_or_sent_again_is_the_same_event() -> None:
    event = json.dumps(
        live_event("grade_change", {"student_id": "1", "score": 1, "points_possible": 2})
    ).encode()
    keys = Keys(PublishedKeys(OLD, NEW), Clock())
    tokens = [signed(OLD, event), signed(OLD, event), signed(NEW, event)]
    asked = [request("POST", "/canvas", body) for body in tokens]
    answers = [doors.door(one).take(one, Sender("canvas"), keys.payload).answer.content for one in asked]
    assert answers[0] == answers[1] == answers[2]
    assert isinstance(answers[0], dict)
    assert len(answers[0]["ids"]) == 1


def test_a_key_that_is_no_longer_published_is_refused_and_a_new_one_is_found() -> None:
    clock, published = Clock(), PublishedKeys(OLD)
    keys = Keys(published, clock)
    assert keys.payload(signed(OLD)) == EVENT
    published.keys = (NEW,)
    assert refusal(keys, signed(NEW)) == 403  # the keys were just read: guessing does not read them again
    assert published.reads == 1
    clock.now = AGAIN_SECONDS
    assert keys.payload(signed(NEW)) == EVENT
    clock.now += FRESH_SECONDS
    assert refusal(keys, signed(OLD)) == 403


def test_without_any_keys_canvas_is_told_to_try_again() -> None:
    assert refusal(Keys(PublishedKeys(), Clock()), signed(OLD)) == 503


def test_keys_are_read_over_https_only() -> None:
    with pytest.raises(ValueError, match="https"):
        fetch("file:///etc/passwd")
