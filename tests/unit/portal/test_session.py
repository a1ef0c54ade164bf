import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dashboard.rights import Mapped, NobodyError, is_administrator, mapped, subject_of
from portal.dashboard.session import IDLE, LONGEST, SIGN_IN, PendingSignIn, Signer, Visitor
from portal.dashboard.sign_in import own_page

KEY = "k" * 32
ADA = Visitor("ada", is_administrator=False, began=1_000.0)
PENDING = PendingSignIn("state", "nonce", "verifier", "/course?id=MATH")


class At:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_an_hour_after_the_last_page_and_eight_after_it_began() -> None:
    clock = At(ADA.began)
    signer = Signer(KEY, clock)
    token = signer.keep_visitor(ADA)
    assert signer.read(token, Visitor) == ADA
    clock.now += IDLE - 1
    assert signer.read(token, Visitor) == ADA
    later = signer.keep_visitor(ADA)
    clock.now += 2
    assert signer.read(token, Visitor) is None
    assert signer.read(later, Visitor) == ADA
    clock.now = ADA.began + LONGEST - 1
    last = signer.keep_visitor(ADA)
    assert signer.read(last, Visitor) == ADA
    clock.now += 2
    assert signer.read(last, Visitor) is None


def test_a_sign_in_takes_ten_minutes_at_most_and_is_no_session() -> None:
    clock = At(1_000.0)
    signer = Signer(KEY, clock)
    token = signer.keep_sign_in(PENDING)
    assert signer.read(token, PendingSignIn) == PENDING
    assert signer.read(token, Visitor) is None
    clock.now += SIGN_IN + 1
    assert signer.read(token, PendingSignIn) is None


@given(st.text(max_size=200), st.integers(0, 400))
def test_a_token_that_was_not_signed_here_counts_for_nothing(text: str, place: int) -> None:
    signer = Signer(KEY, At(1_000.0))
    token = signer.keep_visitor(ADA)
    forged = token[: place % len(token)] + text + token[place % len(token) + 1 :]
    for one in (text, forged, Signer("x" * 32, At(1_000.0)).keep_visitor(ADA)):
        read = signer.read(one, Visitor)
        assert (
            read is None or (one, read) == (token, ADA) or one.rpartition(".")[0] == token.rpartition(".")[0]
        )


NONE_SIGNED = "eyJhbGciOiJub25lIn0.eyJjb250ZW50Ijp7fSwiZXhwIjo5OTk5OTk5OTk5fQ."


def test_a_token_without_a_signature_counts_for_nothing() -> None:
    assert Signer(KEY).read(NONE_SIGNED, Visitor) is None


@pytest.mark.parametrize("page", ["/", "/course?id=MATH", "/student?id=a%2Fb&table=work", "/search?q=%C3%A9"])
def test_a_page_of_ours_is_led_back_to(page: str) -> None:
    assert own_page(page) == page


@pytest.mark.parametrize(
    "page",
    [
        *(
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
        ),
        *("javascript:alert(1)", "/revision", "/sign-out", "", "course", "/course/../..//evil.example"),
        *("/course\r\nSet-Cookie: a=b", "\t//evil.example", "/%2F/evil.example", "https:/course"),
    ],
)
def test_no_other_address_is(page: str) -> None:
    assert own_page(page) == "/"


SUBJECT = Mapped("sub", None)


@pytest.mark.parametrize(
    ("claims", "subject"),
    [({"sub": "ada"}, "ada"), ({"sub": " ada "}, "ada"), ({"sub": 17}, "17")],
)
def test_the_subject_is_the_claim(claims: dict[str, object], subject: str) -> None:
    assert subject_of(claims, SUBJECT) == subject


@pytest.mark.parametrize("value", [None, "", "  ", True, ["ada"], {"a": 1}, "x" * 201, 1.5])
def test_without_a_subject_nobody_comes_in(value: object) -> None:
    with pytest.raises(NobodyError, match="nothing about sub"):
        subject_of({"sub": value}, SUBJECT)


def test_an_address_that_was_not_verified_is_nobodys() -> None:
    rule = mapped("email", None)
    assert subject_of({"email": "a@x.example"}, rule) == "a@x.example"
    with pytest.raises(NobodyError, match="not verified"):
        subject_of({"email": "a@x.example", "email_verified": False}, rule)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        *(("heads", True), (["teachers", "heads"], True), ("head", False), ("heads ", False)),
        *((None, False), ([], False), (["head"], False), ({"heads": True}, False), ("HEADS", False)),
    ],
)
def test_an_administrator_has_the_value_among_the_claims(value: object, *, is_one: bool) -> None:
    assert is_administrator({"groups": value}, mapped("sub", "groups=heads")) is is_one
    assert not is_administrator({"groups": value}, mapped("sub", None))


def test_a_flag_makes_an_administrator_too() -> None:
    rule = mapped("sub", "https://school.example/admin=true")
    assert rule.wanted == {"sub", "https://school.example/admin"}
    assert is_administrator({"https://school.example/admin": True}, rule)
    assert not is_administrator({"https://school.example/admin": False}, rule)
