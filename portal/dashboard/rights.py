"""Who somebody is for the dashboard, by what the provider says about them. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

TEACHERS: Final = frozenset(("/", "/course", "/student", "/search", "/revision"))
"""The paths that teachers may ask for. All others are for administrators, including those added later."""

LONGEST_SUBJECT: Final = 200


class NobodyError(Exception):
    """The provider does not say who this is. The message says what is missing."""


class Mapped(NamedTuple):
    """The claims that count. ``admin`` is the name and value of what makes an administrator, or None."""

    subject: str
    admin: tuple[str, str] | None

    @property
    def wanted(self) -> set[str]:
        """The names of the claims."""
        return {self.subject, *(self.admin or ())[:1]}


def mapped(subject: str, admin: str | None) -> Mapped:
    """Return the claims of the settings. ``admin`` is written claim=value."""
    name, _, value = (admin or "").partition("=")
    return Mapped(subject, (name, value) if name else None)


def subject_of(claims: Mapping[str, Any], rule: Mapped) -> str:
    """Return the person as the roster knows them, or raise NobodyError."""
    given = claims.get(rule.subject)
    subject = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise NobodyError(f"the sign-in says nothing about {rule.subject}")
    if rule.subject == "email" and claims.get("email_verified") is False:
        raise NobodyError("the sign-in has not verified the e-mail address")
    return subject


def is_administrator(claims: Mapping[str, Any], rule: Mapped) -> bool:
    """Tell whether the claim is the value, or a list that holds it."""
    if rule.admin is None:
        return False
    name, value = rule.admin
    given = claims.get(name)
    return value in [_text(one) for one in (given if isinstance(given, list) else [given])]


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
