"""Senders' names and secrets, and how soon a change of them is noticed."""

import base64

import pytest

from portal.ingest import senders
from portal.ingest.credentials import AGAIN_SECONDS, STALE_SECONDS, Credential, Register, credential
from portal.ingest.http import Refusal
from portal.ingest.senders import RegisteredSender
from tests.unit.portal.requests import request

SECRET = senders.new_secret()
KNOWN = {"moodle": RegisteredSender(senders.hashed(SECRET), "account.name")}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Secrets Manager with the text of a secret. If the text is None, it does not answer."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.reads = 0

    def __call__(self) -> str:
        self.reads += 1
        if self.text is None:
            raise TimeoutError
        return self.text


def refusal(register: Register, name: str = "moodle", secret: str = SECRET) -> int | None:
    try:
        register.sender(Credential(name, secret))
    except Refusal as refused:
        return refused.status
    return None


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        (basic(f"moodle:{SECRET}"), ""),
        (f"Bearer moodle.{SECRET}", ""),
        (f"bearer  moodle.{SECRET} ", ""),
        ("", f"token=moodle.{SECRET}"),
    ],
    ids=["basic", "bearer", "with spaces", "in the query"],
)
def test_a_credential_is_found_where_senders_can_put_it(authorization: str, query: str) -> None:
    assert credential(request("POST", "/events", query=query, authorization=authorization)) == (
        "moodle",
        SECRET,
    )


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic %%%",
        basic("nocolon"),
        "Bearer nodot",
        "Digest x",
        f"{basic('a:b')},{basic('c:d')}",
    ],
)
def test_a_header_without_a_credential_is_refused(authorization: str) -> None:
    with pytest.raises(Refusal) as refused:
        credential(request("POST", "/events", authorization=authorization))
    assert refused.value.status == 401
    assert "www-authenticate" in refused.value.headers


def test_only_name_and_secret_together_are_known() -> None:
    register = Register(Store(senders.write(KNOWN)), Clock())
    assert register.sender(Credential("moodle", SECRET)).student_id == "account.name"
    for name, secret in (
        ("moodle", ""),
        ("moodle", SECRET[:-1]),
        ("Moodle", SECRET),
        ("x", SECRET),
        ("x", "\udcff"),
    ):
        assert refusal(register, name, secret) == 401


def test_a_revoked_sender_is_refused_within_a_minute_even_if_secrets_cannot_be_read() -> None:
    clock, store = Clock(), Store(senders.write(KNOWN))
    register = Register(store, clock)
    assert refusal(register) is None
    store.text = "{}"
    clock.now = 59
    assert refusal(register) == 401
    store.text, register = senders.write(KNOWN), Register(store, clock)
    assert refusal(register) is None
    store.text = None
    clock.now += STALE_SECONDS
    assert refusal(register) is None  # an outage of Secrets Manager does no harm at first
    clock.now += 1
    assert refusal(register) == 503


def test_a_new_sender_is_known_soon_and_guessing_reads_no_more_often() -> None:
    clock, store = Clock(), Store("{}")
    register = Register(store, clock)
    assert refusal(register) == 401
    store.text = senders.write(KNOWN)
    for _ in range(100):
        assert refusal(register) == 401
    assert store.reads == 1
    clock.now = AGAIN_SECONDS
    assert refusal(register) is None


def test_only_a_hash_is_kept() -> None:
    text = senders.write(KNOWN)
    assert SECRET not in text
    assert senders.read(text) == KNOWN
