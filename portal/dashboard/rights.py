"""Who somebody is to the dashboard, by what the provider says of them. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

TEACHERS: Final = frozenset(("/", "/course", "/student", "/search", "/revision"))
"""The paths that teachers may ask for; all others are the administrators', those too that are added later."""

LONGEST_SUBJECT: Final = 200


class NobodyError(Exception):
    """The provider does not say who this is; the message says what is missing."""


class Mapped(NamedTuple):
    """Which claims count. ``admin``: name and value of what makes an administrator, or None."""

    subject: str
    admin: tuple[str, str] | None

    @property
    def wanted(self) -> set[str]:
        """The names of the claims."""
        return {self.subject, *(self.admin or ())[:1]}


def mapped(subject: str, admin: str | None) -> Mapped:
    """Return the settings' claims; ``admin`` is written claim=value."""
    name, _, value = (admin or "").partition("=")
    return Mapped(subject, (name, value) if name else None)


def subject_of(claims: Mapping[str, Any], rule: Mapped) -> str:
    """Return the person as the roster knows them; raise NobodyError."""
    given = claims.get(rule.subject)
    subject = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise NobodyError(f"the sign-in says nothing of {rule.subject}")
    if rule.subject == "email" and claims.get("email_verified") is False:
        raise NobodyError("the sign-in has not verified the e-mail address")
    return subject


def is_administrator(claims: Mapping[str, Any], rule: Mapped) -> bool:
    """Whether the claim has the value, or has it among others."""
    if rule.admin is None:
        return False
    name, value = rule.admin
    given = claims.get(name)
    return value in [_text(one) for one in (given if isinstance(given, list) else [given])]


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
