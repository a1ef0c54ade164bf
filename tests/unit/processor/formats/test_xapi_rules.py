"""Statements as strict as xAPI 1.0.3 and 2.0: one that uses everything, and what breaks it."""

import json
from typing import Any

import pytest

from processor.records.formats import forms
from processor.records.formats.xapi_rules import STATEMENT
from tests.unit.processor.formats.documents import ID

AGENT: dict[str, Any] = {"objectType": "Agent", "name": "A", "mbox": "mailto:a@example.org"}
ACCOUNT: dict[str, Any] = {"account": {"homePage": "https://lms.example", "name": "b"}}
TEAM: dict[str, Any] = {"objectType": "Group", "name": "T", "member": [AGENT, ACCOUNT]}
EXTENSIONS: dict[str, Any] = {"https://example.org/ext": None}
WORDS: dict[str, Any] = {"en-GB": "word", "de": "Wort"}
CHOICE: dict[str, Any] = {
    "id": "https://lms.example/q/1",
    "objectType": "Activity",
    "definition": {
        "name": WORDS,
        "description": WORDS,
        "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
        "moreInfo": "https://lms.example/more",
        "interactionType": "choice",
        "correctResponsesPattern": ["a[,]b"],
        "choices": [{"id": "a", "description": WORDS}, {"id": "b"}],
        "extensions": EXTENSIONS,
    },
}
CONTEXT: dict[str, Any] = {
    "registration": ID,
    "instructor": ACCOUNT,
    "team": TEAM,
    "contextActivities": {
        "parent": {"id": "https://lms.example/c"},
        "grouping": [],
        "category": [CHOICE],
        "other": [],
    },
    "revision": "1",
    "platform": "LMS",
    "language": "zh-Hans-CN",
    "statement": {"objectType": "StatementRef", "id": ID},
    "extensions": EXTENSIONS,
}
SUB: dict[str, Any] = {
    "objectType": "SubStatement",
    "actor": AGENT,
    "verb": {"id": "https://example.org/v"},
    "object": {"objectType": "Agent", **ACCOUNT},
    "context": {"platform": "LMS"},
}
WHOLE: dict[str, Any] = {
    "id": ID,
    "actor": AGENT,
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": WORDS},
    "object": CHOICE,
    "result": {
        "score": {"scaled": -0.5, "raw": 2, "min": 0, "max": 10},
        "success": True,
        "completion": False,
        "response": "",
        "duration": "P3Y1M29DT4H35M59.14S",
        "extensions": EXTENSIONS,
    },
    "context": CONTEXT,
    "timestamp": "2026-09-01T08:00:00.250+02:00",
    "stored": "2026-09-01T08:00:00Z",
    "authority": {"objectType": "Group", "member": [AGENT, ACCOUNT]},
    "version": "1.0.3",
    "attachments": [
        {
            "usageType": "https://example.org/usage",
            "display": WORDS,
            "description": WORDS,
            "contentType": "text/plain; charset=utf-8",
            "length": 27,
            "sha2": "0" * 64,
            "fileUrl": "https://lms.example/file",
        }
    ],
}
FORMS = ["xapi/1.0.3", "xapi/2.0"]
ABSENT = object()


def changed(path: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(WHOLE))
    *above, name = path.split(".")
    place: Any = document
    for step in above:
        place = place[int(step) if step.isdecimal() else step]
    if value is ABSENT:
        del place[name]
    else:
        place[name] = value
    return document


def paths(document: dict[str, Any], form: str = "xapi/1.0.3") -> list[str]:
    return [problem.path for problem in STATEMENT[form](document, "$")]


@pytest.mark.parametrize("form", FORMS)
def test_a_statement_that_uses_everything_is_right(form: str) -> None:
    assert paths(WHOLE, form) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("result.duration", "P4W"),
        ("result.duration", "PT16559.14S"),
        ("result.duration", "P1.5Y"),
        ("timestamp", "2026-09-01T23:59:60Z"),
        ("context.language", "x-klingon"),
        ("context.language", "de-DE-1996-u-co-phonebk-x-own"),
        ("verb.id", "tag:example.org,2026:überprüft"),
        ("version", "1.0"),
        ("object", {"objectType": "StatementRef", "id": ID}),
        ("object", {**TEAM, "objectType": "Group"}),
        ("actor", {"objectType": "Group", "openid": "https://id.example/g"}),
    ],
)
def test_these_are_right_too(form: str, path: str, value: object) -> None:
    document = changed(path, value)
    if path == "object":  # revision and platform are for activities
        del document["context"]
    assert paths(document, form) == []


def test_a_substatement_is_judged_like_a_statement() -> None:
    context = {name: value for name, value in CONTEXT.items() if name not in ("revision", "platform")}
    document = {**WHOLE, "context": context}
    assert paths({**document, "object": {**SUB, "context": {}}}) == []
    assert paths({**document, "object": SUB}) == ["$.object.context.platform"]
    assert paths({**document, "object": {**SUB, "context": {}, "object": SUB}}) == [
        "$.object.object.objectType"
    ]
    assert paths({**document, "object": {**SUB, "context": {}, "id": ID}}) == ["$.object.id"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(
            (name, ABSENT)
            for name in ("actor", "verb", "object", "verb.id", "object.id", "attachments.0.sha2")
        ),
        *((name, None) for name in WHOLE),
        *((name, 7) for name in WHOLE),
        ("Verb", {"id": "https://example.org/v"}),
        ("id", ID[:-1]),
        ("id", ID.replace("f", "g")),
        ("actor.mbox", "a@example.org"),
        ("actor.mbox", "mailto:a b@example.org"),
        ("actor.openid", "https://id.example/a"),
        ("actor.Name", "A"),
        ("authority.member", [AGENT]),
        ("authority.member", [AGENT, TEAM]),
        ("context.instructor.account.name", 3),
        ("context.instructor.account.homePage", "lms.example"),
        ("context.instructor.account", {"name": "b"}),
        ("context.team", AGENT),
        ("context.team.member", []),
        ("context.team.objectType", "group"),
        ("context.registration", "1"),
        ("context.language", "a12345"),
        ("context.language", "zh-z-aaa-z-bbb"),
        ("context.contextActivities.parent", {"id": "not an IRI"}),
        ("context.contextActivities.parents", []),
        ("context.contextActivities.parent", "https://lms.example/c"),
        ("context.statement", {"id": ID}),
        ("context.extensions", {"no IRI": 1}),
        ("object.objectType", "activity"),
        ("object.objectType", ["Activity"]),
        ("object.definition.name", {"e": "word"}),
        ("object.definition.name", {"en": 1}),
        ("object.definition.interactionType", "Choice"),
        ("object.definition.interactionType", ABSENT),
        ("object.definition.choices", [{"id": "a"}, {"id": "a"}]),
        ("object.definition.choices", [{"description": WORDS}]),
        ("object.definition.correctResponsesPattern", "a"),
        ("object.definition.moreInfo", "%zz:"),
        ("result.score.scaled", 1.01),
        ("result.score.scaled", "1"),
        ("result.score.raw", True),
        ("result.score.raw", 11),
        ("result.score.raw", -1),
        ("result.score.max", -1),
        ("result.score.max", 10**400),
        ("result.score.points", 1),
        ("result.success", "true"),
        ("result.duration", "P4W1D"),
        ("result.duration", "PT1.5H30M"),
        ("result.duration", "P"),
        ("result.duration", "PT"),
        ("timestamp", "2026-09-01T08:00:00"),
        ("timestamp", "2026-09-01T08:00:00.1-00"),
        ("timestamp", "2026-09-01T08:00:00-00:00"),
        ("timestamp", "2026-02-30T08:00:00Z"),
        ("timestamp", "0001-01-01T00:00:00Z"),
        ("timestamp", "9999-12-31T23:59:60Z"),
        ("timestamp", "2026-09-01T24:00:00Z"),
        ("version", "1.1.0"),
        ("version", "1.0.3.4"),
        ("attachments.0.contentType", "text"),
        ("attachments.0.contentType", "text/plàin"),
        ("attachments.0.contentType", "text/plain; charset"),
        ("attachments.0.length", 1.5),
        ("attachments.0.sha2", "0" * 63),
        ("attachments.0.length", -1),
        ("attachments.0.usageType", "usage"),
        ("verb.id", "http://adlnet.gov/expapi/verbs/voided"),
    ],
)
def test_these_are_refused_where_they_stand(form: str, path: str, value: object) -> None:
    document = changed(path, value)
    found = paths(document, form)
    assert found
    top = path.split(".", maxsplit=1)[0]
    related = {"verb": "$.object", "object": "$.context"}  # what the parts demand of each other
    allowed = (f"$.{top}", related.get(top, f"$.{top}"))
    assert all(where.startswith(allowed) for where in found)


def test_the_versions_differ_where_the_standards_do() -> None:
    relations = {"contextAgents": [{"objectType": "contextAgent", "agent": AGENT}]}
    document = {**WHOLE, "context": {**CONTEXT, **relations}}
    assert (paths(document), paths(document, "xapi/2.0")) == (["$.context.contextAgents"], [])
    short = {**WHOLE, "timestamp": "2026-09-01T08:00+02"}
    assert (paths(short), paths(short, "xapi/2.0")) == ([], ["$.timestamp"])
    newer = {**WHOLE, "version": "2.0.0"}
    assert (paths(newer), paths(newer, "xapi/2.0")) == (["$.version"], [])


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"objectType": "contextgroup", "group": TEAM}, "$.context.contextGroups[0].objectType"),
        ({"objectType": "contextGroup", "group": AGENT}, "$.context.contextGroups[0].group.objectType"),
        ({"objectType": "contextGroup"}, "$.context.contextGroups[0].group"),
        ({"group": TEAM}, "$.context.contextGroups[0].objectType"),
        (
            {"objectType": "contextGroup", "group": TEAM, "relevantTypes": []},
            "$.context.contextGroups[0].relevantTypes",
        ),
        (
            {"objectType": "contextGroup", "group": TEAM, "relevantTypes": ["x"]},
            "$.context.contextGroups[0].relevantTypes[0]",
        ),
    ],
)
def test_the_parts_of_a_context_of_2_0(part: dict[str, Any], path: str) -> None:
    assert path in paths({**WHOLE, "context": {**CONTEXT, "contextGroups": [part]}}, "xapi/2.0")


def test_every_problem_is_named_with_what_would_be_right() -> None:
    document = changed("actor.mbox", "a@example.org") | {"Result": {}, "id": 7}
    document["context"]["team"]["member"] = []
    assert [problem.rejection.detail for problem in STATEMENT["xapi/1.0.3"](document, "$")] == [
        "Expected a UUID - at `$.id`",
        "Expected `mailto:` and one e-mail address - at `$.actor.mbox`",
        "Expected the members of a group without an identifier - at `$.context.team.member`",
        "Expected `result`, in this case - at `$.Result`",
    ]


def test_a_name_that_could_hold_anything_is_shortened_and_escaped() -> None:
    name = "\x1b[2J" + "n" * 1000
    (problem,) = STATEMENT["xapi/1.0.3"]({**WHOLE, name: 1}, "$")
    assert problem.path == f"$['\\x1b[2J{'n' * 46}']"


@pytest.mark.parametrize(
    "tag", ["en", "i-klingon", "sgn-BE-FR", "sl-rozaj-biske", "es-419", "en-a-bbb-x-a-ccc"]
)
def test_language_tags(tag: str) -> None:
    assert forms.is_language(tag)


@pytest.mark.parametrize(
    "tag", ["", "e", "en-", "en--GB", "123", "en_GB", "abcdefghi", "en-x", "a-b-c", "\u212aa"]
)
def test_no_language_tags(tag: str) -> None:
    assert not forms.is_language(tag)
