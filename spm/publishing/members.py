"""The members of a pipeline's event, which the columns of a table may become."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from msgspec import inspect

from processor.pipeline import Pipeline
from spm.publishing.cells import EXAMPLES
from spm.publishing.mapping import METADATA

OBJECT: Final = "metadata"
"""A member of this name that holds JSON takes everything that is not a member of its own."""

Kind = Literal["text", "number", "flag", "time", "day", "json"]

KINDS: Final[dict[type[inspect.Type], Kind]] = {
    inspect.IntType: "number",
    inspect.FloatType: "number",
    inspect.DecimalType: "number",
    inspect.BoolType: "flag",
    inspect.DateTimeType: "time",
    inspect.DateType: "day",
    inspect.RawType: "json",
}


class Member(NamedTuple):
    """How a cell becomes the member. ``example`` is what the cell could hold."""

    kind: Kind
    required: bool
    example: str


class Members(NamedTuple):
    """The members of a pipeline's event by name, in the order in which an event is written.

    ``is_open`` tells whether there is also a ``metadata`` for everything else.
    """

    pipeline: str
    own: Mapping[str, Member]
    is_open: bool

    @property
    def known(self) -> tuple[str, ...]:
        """The names that a column may have without a map, including those that insight needs."""
        return (*self.own, *((*METADATA, OBJECT) if self.is_open else ()))

    def example(self, name: str) -> str | None:
        """Return an example of the member of this name, if one is known."""
        if self.is_open and name == OBJECT:
            return EXAMPLES[OBJECT]
        return self.own[name].example if name in self.own else None

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the members that every event needs."""
        return tuple(name for name, member in self.own.items() if member.required)


def members_of(pipeline: Pipeline) -> Members:
    """Return the members of the pipeline's message, with its own ones first."""
    described = inspect.type_info(pipeline.message)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: a Message is one
    found = {field.encode_name: _member(field) for field in described.fields}
    inherited = {name: found.pop(name) for name in ("timestamp", "event_id")}
    is_open = OBJECT in found and found[OBJECT].kind == "json"
    if is_open:
        del found[OBJECT]
    return Members(pipeline.name, found | inherited, is_open)


def _bare(described: inspect.Type) -> inspect.Type:
    """Return the type without what its annotation adds to a schema."""
    return described.type if isinstance(described, inspect.Metadata) else described


def _member(field: inspect.Field) -> Member:
    described = _bare(field.type)
    given = described.types if isinstance(described, inspect.UnionType) else (described,)
    kinds = [_bare(kind) for kind in given]
    kind: Kind = next((KINDS[type(kind)] for kind in kinds if type(kind) in KINDS), "text")
    values = [str(value) for kind in kinds if isinstance(kind, inspect.LiteralType) for value in kind.values]
    example = EXAMPLES.get(field.encode_name, EXAMPLES[kind])
    return Member(kind, field.required, min(values, default=example))
