"""The rules for statements: xAPI 1.0.3 (Data 2 and 4) and 2.0 (IEEE 9274.1.1, section 4.2).

Three things are accepted although the standard refuses them, because Open edX sends them in every course
(docs/formats.md, "Looser than the standard").
"""

from collections.abc import Iterator, Mapping
from typing import Final

from processor.records.formats import forms
from processor.records.formats.problems import (
    Check,
    Problem,
    anything,
    array,
    boolean,
    is_number,
    mapping,
    members,
    missing,
    number,
    one_of,
    text,
    wrong,
)
from processor.records.formats.xapi_actors import actor, agent, authority, group

VOIDED: Final = "http://adlnet.gov/expapi/verbs/voided"
_string = text("a string")
_iri = text("an IRI with its scheme", forms.is_iri)
_uuid = text("a UUID", forms.is_uuid)
_language_map = mapping(_string, forms.is_language, "a language tag (RFC 5646)")
_extensions = mapping(anything, forms.is_iri, "an IRI")

_verb = members({"id": _iri, "display": _language_map}, ("id",))

_component_members = members({"id": _string, "description": _language_map}, ("id",))


def _components(value: object, path: str) -> Iterator[Problem]:
    yield from array(_component_members)(value, path)
    if not isinstance(value, list):
        return
    seen: set[str] = set()
    for index, component in enumerate(value):
        identity = component.get("id") if isinstance(component, dict) else None
        if isinstance(identity, str):
            if identity in seen:
                yield wrong(f"{path}[{index}].id", "an id that no other component of the list has")
            seen.add(identity)


_COMPONENTS: Final[Mapping[str, Check]] = dict.fromkeys(
    ("choices", "scale", "source", "target", "steps"), _components
)
_OF_INTERACTIONS: Final = frozenset(("correctResponsesPattern", *_COMPONENTS))
_INTERACTIONS: Final = (
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
)
_definition_members = members(
    {
        "name": _language_map,
        "description": _language_map,
        "type": _iri,
        "moreInfo": _iri,
        "extensions": _extensions,
        "interactionType": one_of(*_INTERACTIONS),
        "correctResponsesPattern": array(_string),
        **_COMPONENTS,
    }
)


def _definition(value: object, path: str) -> Iterator[Problem]:
    yield from _definition_members(value, path)
    if not isinstance(value, dict) or "interactionType" in value:
        return
    if not _OF_INTERACTIONS.isdisjoint(value):
        yield missing(f"{path}.interactionType", "it beside the description of an interaction")


_activity = members(
    {"objectType": one_of("Activity", "GroupActivity"), "id": _iri, "definition": _definition}, ("id",)
)


def _context_activity(value: object, path: str) -> Iterator[Problem]:
    """Check an activity. A bare UUID as its id is Open edX's attempt at a timed exam."""
    for problem in _activity(value, path):
        identity = value.get("id") if isinstance(value, dict) else None
        if problem.path != f"{path}.id" or not isinstance(identity, str) or not forms.is_uuid(identity):
            yield problem


def _activities(value: object, path: str) -> Iterator[Problem]:
    return (
        array(_context_activity)(value, path) if isinstance(value, list) else _context_activity(value, path)
    )


_context_activities = members(dict.fromkeys(("parent", "grouping", "category", "other"), _activities))
_statement_ref = members({"objectType": one_of("StatementRef"), "id": _uuid}, ("objectType", "id"))


def _between(low: float, high: float, expected: str) -> Check:
    def check(value: object, path: str) -> Iterator[Problem]:
        if not is_number(value) or not low <= value <= high:  # type: ignore[operator]  # is_number has seen it
            yield wrong(path, expected)

    return check


_score_members = members(
    {"scaled": _between(-1, 1, "a number from -1 to 1"), "raw": number, "min": number, "max": number}
)


def _score(value: object, path: str) -> Iterator[Problem]:
    problems = tuple(_score_members(value, path))
    yield from problems
    if problems or not isinstance(value, dict):
        return
    low, raw, high = value.get("min"), value.get("raw"), value.get("max")
    if low is not None and high is not None and low > high:
        yield wrong(f"{path}.max", "more than min")
    if raw is not None and low is not None and raw < low:
        yield wrong(f"{path}.raw", "min or more")
    if raw is not None and high is not None and raw > high:
        yield wrong(f"{path}.raw", "max or less")


_result = members(
    {
        "score": _score,
        "success": boolean,
        "completion": boolean,
        "response": _string,
        "duration": text("a duration of ISO 8601, such as PT4H35M59.14S", forms.is_duration),
        "extensions": _extensions,
    }
)


def _length(value: object, path: str) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield wrong(path, "the number of bytes, a whole number")


_attachment = members(
    {
        "usageType": _iri,
        "display": _language_map,
        "description": _language_map,
        "contentType": text("a media type, such as text/plain", forms.is_media_type),
        "length": _length,
        "sha2": text("the SHA-2 hash of the content in hexadecimal digits", forms.is_sha2),
        "fileUrl": _iri,
    },
    ("usageType", "display", "contentType", "length", "sha2"),
)

_CONTEXT: Final[Mapping[str, Check]] = {
    "registration": _uuid,
    "instructor": actor,
    "team": group,
    "contextActivities": _context_activities,
    "revision": _string,
    "platform": _string,
    "language": text("a language tag (RFC 5646)", forms.is_language),
    "statement": _statement_ref,
    "extensions": _extensions,
}


def _context_part(kind: str, name: str, check: Check) -> Check:
    return array(
        members(
            {"objectType": one_of(kind), name: check, "relevantTypes": array(_iri, least=1)},
            ("objectType", name),
        )
    )


_CONTEXT_2: Final[Mapping[str, Check]] = {
    **_CONTEXT,
    "contextAgents": _context_part("contextAgent", "agent", agent),
    "contextGroups": _context_part("contextGroup", "group", group),
}


def _choice(kinds: Mapping[str, Check]) -> Check:
    expected = f"one of {', '.join(kinds)}"

    def check(value: object, path: str) -> Iterator[Problem]:
        kind = value.get("objectType", "Activity") if isinstance(value, dict) else "Activity"
        fitting = kinds.get(kind) if isinstance(kind, str) else None
        if fitting is None:
            yield wrong(f"{path}.objectType", expected)
        else:
            yield from fitting(value, path)

    return check


def _with_relations(own: Check) -> Check:
    """Add what the parts of a statement or SubStatement require of each other."""

    def check(value: object, path: str) -> Iterator[Problem]:
        yield from own(value, path)
        if not isinstance(value, dict):
            return
        thing, verb, context = value.get("object"), value.get("verb"), value.get("context")
        kind = thing.get("objectType", "Activity") if isinstance(thing, dict) else None
        if isinstance(context, dict) and kind not in ("Activity", "GroupActivity"):
            for name in ("revision", "platform"):
                if name in context:
                    yield wrong(f"{path}.context.{name}", "it only where the object is an Activity")
        if isinstance(verb, dict) and verb.get("id") == VOIDED and kind != "StatementRef":
            yield wrong(f"{path}.object", "a StatementRef, because the verb is voided")

    return check


def _statement(time: Check, version: Check, context: Mapping[str, Check]) -> Check:
    kinds = {
        "Activity": _activity,
        "GroupActivity": _activity,
        "Agent": agent,
        "Group": group,
        "StatementRef": _statement_ref,
    }
    common: Mapping[str, Check] = {
        "actor": actor,
        "verb": _verb,
        "result": _result,
        "context": members(context),
        "timestamp": time,
        "attachments": array(_attachment),
    }
    needed = ("actor", "verb", "object")
    substatement = _with_relations(
        members(
            {**common, "object": _choice(kinds), "objectType": one_of("SubStatement")},
            ("objectType", *needed),
        )
    )
    whole: Mapping[str, Check] = {
        **common,
        "object": _choice({**kinds, "SubStatement": substatement}),
        "id": _uuid,
        "stored": time,
        "authority": authority,
        "version": version,
    }
    return _with_relations(members(whole, needed))


def _version(*beginnings: str) -> Check:
    return text(f"a version {' or '.join(beginnings)}.x", lambda it: forms.is_version(it, beginnings))


STATEMENT: Final[Mapping[str, Check]] = {
    "xapi/1.0.3": _statement(
        text("a time of ISO 8601 with offset", forms.is_iso_time), _version("1.0"), _CONTEXT
    ),
    "xapi/2.0": _statement(text("a time of RFC 3339", forms.is_rfc_time), _version("1.0", "2.0"), _CONTEXT_2),
}
"""The check of a whole statement, by format."""
