"""What a pipeline accepts, as JSON Schema, made from the struct of its message and as strict as its parser.

It has no ``format`` for times and UUIDs, because the parser accepts a little more than those, such as a space
instead of the T, and many validators ignore formats. Patterns say it exactly.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, UnsetType
from msgspec.structs import FieldInfo, fields

from processor.pipeline import Pipeline
from processor.records.message import Message
from processor.records.strict import MAX_DIGITS, MAX_NESTING

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_END = r"(?![\s\S])"  # in Python, "$" also matches before a last line break
_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-9]))"
)
_YEAR = "(?!0000)[0-9]{4}"
_YEAR_OF_EVENT = "(?!000[01]|9999)[0-9]{4}"
_HOUR = "(?:[01][0-9]|2[0-3])"
_ZONE = f"(?:[Zz]|[+-]{_HOUR}:?[0-5][0-9])"
_TIME = f"[Tt ]{_HOUR}:[0-5][0-9]:{{second}}(?:\\.[0-9]+)?{_ZONE}"
_HEX = "[0-9a-fA-F]"

TEXT: Final = "^[^\\u0000]*$"

FORMATS: Final[Mapping[str, Schema]] = {
    "date": {"description": "A day as RFC 3339 writes it.", "pattern": f"^{_YEAR}-{_DAY}{_END}"},
    "date-time": {
        "description": "A time as RFC 3339 writes it, with its offset.",
        "pattern": f"^{_YEAR}-{_DAY}{_TIME.format(second='[0-5][0-9]')}{_END}",
    },
    "uuid": {
        "description": "A UUID.",
        "pattern": f"^(?:{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}|{_HEX}{{32}}){_END}",
    },
    "decimal": {"type": ["string", "number"], "pattern": TEXT},
}
TIMESTAMP: Final[Schema] = {
    "description": "When it happened, as RFC 3339 writes it, with its offset. The year is from 0002 to 9998.",
    "pattern": f"^{_YEAR_OF_EVENT}-{_DAY}{_TIME.format(second='(?:[0-5][0-9]|60)')}{_END}",
}
ANY_JSON: Final[Schema] = {
    "description": "Any JSON whose texts and names do not contain U+0000.",
    "pattern": TEXT,
    "propertyNames": {"pattern": TEXT},
    "additionalProperties": {"$ref": "#/$defs/json"},
    "items": {"$ref": "#/$defs/json"},
}


def schema_of(pipeline: Pipeline) -> Schema:
    """Return the schema of one event in the pipeline's own JSON."""
    message = _without_raw_defaults(pipeline.message)
    (_,), definitions = msgspec.json.schema_components([message], ref_template="#/$defs/{name}")
    whole = definitions.pop(message.__name__)
    members = {name: _exact(member, name) for name, member in whole["properties"].items()}
    others = {"$ref": "#/$defs/json"} if pipeline.message.takes_other_members else False
    return {
        "$schema": DIALECT,
        "title": pipeline.name,
        "description": " ".join([*_description(pipeline, members)]),
        "type": "object",
        "properties": members,
        "required": whole["required"],
        "propertyNames": {"pattern": TEXT},
        "additionalProperties": others,
        "$defs": {**definitions, "json": ANY_JSON},
    }


def _description(pipeline: Pipeline, members: Mapping[str, Schema]) -> Iterator[str]:
    yield " ".join((pipeline.message.__doc__ or "").split())
    yield "One event is one JSON object in UTF-8."
    if pipeline.decoders:
        yield "The pipeline also reads other formats, which this schema does not describe."
    refused = [
        "a name that occurs twice in an object",
        "half of a surrogate pair",
        f"a number that has more than {MAX_DIGITS:,} digits written out",
        f"more than {MAX_NESTING} levels of arrays and objects in a member",
        "29 February in a year that is not a leap year",
        "a leap second at the end of 9998",
    ]
    types = [kind.get("type") for member in members.values() for kind in member.get("anyOf", [member])]
    if "integer" in types:
        refused.append("a whole number that is written with a fraction or an exponent, such as 1.0")
    if ["string", "number"] in types:
        refused.append("a text that is not a number, in place of a decimal number")
    yield f"The pipeline also refuses what no schema can describe: {'; '.join(refused)}."


def _without_raw_defaults(message: type[Message]) -> type[msgspec.Struct]:
    """Return the struct without Raw defaults, which msgspec refuses; members with one are optional."""
    return msgspec.defstruct(
        message.__name__,
        [(field.name, *_type_and_default(field)) for field in fields(message)],
        kw_only=True,
        forbid_unknown_fields=True,
        namespace={"__doc__": message.__doc__},
    )


def _type_and_default(field: FieldInfo) -> tuple[Any, Any]:
    if isinstance(field.default, Raw):
        return field.type | UnsetType, msgspec.field(name=field.encode_name, default=UNSET)
    if field.default_factory is not NODEFAULT:
        return field.type, msgspec.field(name=field.encode_name, default_factory=field.default_factory)
    return field.type, msgspec.field(name=field.encode_name, default=field.default)


def _exact(schema: Schema, name: str = "") -> Schema:
    """Return a member's schema, with the rules of the parser that msgspec does not know."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_exact(kind, name) for kind in schema["anyOf"]]}
    if "format" in schema:
        others = {key: value for key, value in schema.items() if key != "format"}
        is_timestamp = (name, schema["format"]) == ("timestamp", "date-time")
        return {**others, **(TIMESTAMP if is_timestamp else FORMATS[schema["format"]])}
    match schema:
        case {"type": "string", "pattern": own, **others}:
            return {**others, "allOf": [{"type": "string", "pattern": own}, {"pattern": TEXT}]}
        case {"type": "string"}:
            return {**schema, "pattern": TEXT}
        case {"type": "number"}:
            return {"minimum": -sys.float_info.max, "maximum": sys.float_info.max, **schema}
    is_any_json = schema.get("type", "object") == "object" and not schema.keys() & {"enum", "$ref"}
    return {**schema, "$ref": "#/$defs/json"} if is_any_json else schema
