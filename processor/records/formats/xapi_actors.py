"""Agents and groups of a statement: xAPI 1.0.3, Data 2.4.2; 2.0, section 4.2.2.1."""

from collections.abc import Iterator, Mapping
from typing import Final

from processor.records.formats import forms
from processor.records.formats.problems import Check, Problem, array, members, missing, one_of, text, wrong

IDENTIFIERS: Final = ("mbox", "mbox_sha1sum", "openid", "account")

_string = text("a string")
_iri = text("an IRI with its scheme", forms.is_iri)

_IDENTIFIER_CHECKS: Final[Mapping[str, Check]] = {
    "mbox": text("`mailto:` and one e-mail address", forms.is_mailto),
    "mbox_sha1sum": text("40 hexadecimal digits", forms.is_sha1),
    "openid": text("a URI", forms.is_iri),
    "account": members({"homePage": _iri, "name": _string}, ("homePage", "name")),
}
_agent_members = members({"objectType": one_of("Agent"), "name": _string, **_IDENTIFIER_CHECKS})


def agent(value: object, path: str) -> Iterator[Problem]:
    """Check an agent: exactly one identifier."""
    yield from _agent_members(value, path)
    if isinstance(value, dict):
        yield from _one_identifier(value, path)


def _one_identifier(value: Mapping[str, object], path: str) -> Iterator[Problem]:
    given = [name for name in IDENTIFIERS if name in value]
    if not given:
        yield missing(path, f"one of {', '.join(IDENTIFIERS)}")
    for name in given[1:]:
        yield wrong(f"{path}.{name}", f"no second identifier beside {given[0]}")


_group_members = members(
    {"objectType": one_of("Group"), "name": _string, "member": array(agent), **_IDENTIFIER_CHECKS},
    ("objectType",),
)


def group(value: object, path: str) -> Iterator[Problem]:
    """Check a group: an identifier, or members."""
    yield from _group_members(value, path)
    if not isinstance(value, dict):
        return
    if any(name in value for name in IDENTIFIERS):
        yield from _one_identifier(value, path)
    elif not value.get("member"):
        yield missing(f"{path}.member", "the members of a group without an identifier")


def actor(value: object, path: str) -> Iterator[Problem]:
    """Check whichever of the two it says that it is."""
    is_group = isinstance(value, dict) and value.get("objectType") == "Group"
    return group(value, path) if is_group else agent(value, path)


def authority(value: object, path: str) -> Iterator[Problem]:
    """Check who vouches: as an actor, but a group is the two agents of OAuth."""
    yield from actor(value, path)
    if isinstance(value, dict) and value.get("objectType") == "Group":
        agents = value.get("member")
        if not isinstance(agents, list) or len(agents) != 2 or any(name in value for name in IDENTIFIERS):
            yield wrong(path, "an Agent, or a group of two agents without an identifier (OAuth)")
