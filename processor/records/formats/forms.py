"""Forms of strings that the standards require. Each function tells whether a string has one.

Every pattern runs in time linear in the string.
"""

import re
from datetime import datetime, timedelta
from typing import Final

# RFC 3987, without judging what a scheme makes of the rest.
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[^\x00-\x20\x7f-\x9f<>\"{}|\\^`%]|%[0-9A-Fa-f]{2})+")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAILTO: Final = re.compile(r"mailto:[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}")
_SHA2: Final = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})")
_RESTRICTED_NAME: Final = r"[A-Za-z0-9!#$&^_.+-]+"
_MEDIA_TYPE: Final = re.compile(
    rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}(?:\s*;\s*{_RESTRICTED_NAME}=(?:{_RESTRICTED_NAME}|\"[^\"]*\"))*"
)
# RFC 5646, section 2.1; of the grandfathered tags those that the grammar does not produce.
_LANGUAGE: Final = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+|en-gb-oed|sgn-(?:be-fr|be-nl|ch-de)"
    r"|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
)
_SINGLETON: Final = re.compile(r"-([0-9a-wy-z])(?=-)")
# ISO 8601:2004, 4.4.3.2: a fraction only in the smallest part.
_NUMBER: Final = r"[0-9]+(?:[.,][0-9]+)?"
_DURATION: Final = re.compile(
    rf"P(?:{_NUMBER}W|(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)"
)
_FRACTION_BEFORE_MORE: Final = re.compile(r"[.,][0-9]+[A-Z]T?[0-9]")
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?)?")
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_TIME: Final = re.compile(
    _DATE + r"T(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
_RFC_TIME: Final = re.compile(
    _DATE + r"[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LEAP_SECOND: Final = re.compile(r"(.{11}[0-9]{2}:[0-9]{2}):60(.*)", re.DOTALL)
_NEGATIVE_ZERO: Final = ("-00", "-0000", "-00:00")


def is_iri(value: str) -> bool:
    """RFC 3987: with its scheme, and without spaces."""
    return _IRI.fullmatch(value) is not None


def is_uuid(value: str) -> bool:
    """RFC 4122, in its usual writing."""
    return _UUID.fullmatch(value) is not None


def is_mailto(value: str) -> bool:
    """``mailto:`` and one address."""
    return _MAILTO.fullmatch(value) is not None


def is_sha1(value: str) -> bool:
    """40 hexadecimal digits."""
    return _SHA1.fullmatch(value) is not None


def is_sha2(value: str) -> bool:
    """SHA-224, -256, -384 or -512, in hexadecimal digits."""
    return _SHA2.fullmatch(value) is not None


def is_media_type(value: str) -> bool:
    """RFC 2046: type, subtype, parameters."""
    return _MEDIA_TYPE.fullmatch(value) is not None


def is_language(value: str) -> bool:
    """RFC 5646: well-formed, and no extension twice."""
    tag = value.lower()
    if not value.isascii() or not _LANGUAGE.fullmatch(tag):
        return False
    singletons = _SINGLETON.findall(tag.split("-x-")[0])
    return len(singletons) == len(set(singletons))


def is_duration(value: str) -> bool:
    """ISO 8601:2004, 4.4.3.2."""
    return _DURATION.fullmatch(value) is not None and not _FRACTION_BEFORE_MORE.search(value)


def is_version(value: str, beginnings: tuple[str, ...]) -> bool:
    """A semantic version of one of these series; ``1.0`` alone is 1.0.0 (xAPI 1.0.3, Data 2.4.10)."""
    series = ".".join(value.split(".")[:2])
    return series in beginnings and _VERSION.fullmatch(value) is not None


def last_part(iri: str) -> str:
    """Return the text after the last ``/``, ``#`` or ``:`` that is not at the end."""
    return iri.rstrip("/#:").replace("#", "/").replace(":", "/").rpartition("/")[2]


def is_iso_time(value: str) -> bool:
    """ISO 8601 with offset (xAPI 1.0.3, Data 4.5)."""
    return _ISO_TIME.fullmatch(value) is not None and _is_moment(value)


def is_rfc_time(value: str) -> bool:
    """RFC 3339, but for the offset ``-00:00`` (xAPI 2.0, 4.2.7)."""
    return _RFC_TIME.fullmatch(value) is not None and _is_moment(value)


def moment(value: str) -> datetime:
    """Return a time of either form as a datetime with its offset. A leap second is the next second."""
    plain = value.upper().replace(",", ".")
    leap = _LEAP_SECOND.fullmatch(plain)
    if leap is None:
        return datetime.fromisoformat(plain)
    return datetime.fromisoformat(f"{leap[1]}:59{leap[2]}") + timedelta(seconds=1)


def _is_moment(value: str) -> bool:
    if value.endswith(_NEGATIVE_ZERO):
        return False
    try:
        return 1 < moment(value).year < 9999
    except (ValueError, OverflowError):
        return False
