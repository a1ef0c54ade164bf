"""What a producer sends, as a struct. Its annotations give the parser and the columns of the event log."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, ClassVar, Final, NamedTuple, TypeVar, cast
from uuid import UUID

from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType, inspect

from processor.errors import RejectRecord
from processor.records import strict
from processor.records.columns import Columns
from processor.records.strict import MAX_NESTING

Name = Annotated[str, Meta(min_length=1, max_length=50)]
Time = Annotated[datetime, Meta(tz=True)]

YEARS: Final = "Expected a year from 0002 to 9998 - at `$.timestamp`"


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The members of every kind of event; a subclass adds its own.

    ``event_id``: the producer's identity of the event; ``timestamp``: when it happened, by the producer's
    clock; without one, when it arrived. ``takes_other_members``: whether the
    pipeline has a parser of its own (``Pipeline.parse``) that keeps what the struct does not name.
    """

    takes_other_members: ClassVar[bool] = False

    event_id: UUID | UnsetType = UNSET
    timestamp: Time | UnsetType = UNSET


M = TypeVar("M", bound=Message)


class Column(NamedTuple):
    """A column that a member becomes. ``types`` are PostgreSQL types that take its values without loss."""

    name: str
    types: Sequence[str]
    optional: bool


TYPES: Final[dict[type[inspect.Type], tuple[str, ...]]] = {
    inspect.UUIDType: ("uuid",),
    inspect.StrType: ("text",),
    inspect.EnumType: ("text",),
    inspect.LiteralType: ("text",),
    inspect.RawType: ("jsonb",),
    inspect.BoolType: ("bool",),
    inspect.IntType: ("int8", "int4", "int2"),
    inspect.FloatType: ("float8",),
    inspect.DecimalType: ("numeric",),
    inspect.DateTimeType: ("timestamptz",),
    inspect.DateType: ("date",),
}


def columns(message: type[Message]) -> tuple[Column, ...]:
    """Return the columns that a message becomes: ``event_id``, its own in their order, ``occurred_at``.

    A member of a type that no column takes has no ``types``, and the contract with the table reports it.
    """
    described = inspect.type_info(message)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: a Message is one
    by_name = {field.name: _column(field) for field in described.fields}
    first, last = by_name.pop("event_id"), by_name.pop("timestamp")
    # A message without a timestamp happened when it arrived.
    return (first, *by_name.values(), last._replace(name="occurred_at", optional=False))


def to_columns(message: type[M]) -> Callable[[M, datetime], Columns]:
    """Return what turns a message and its time of arrival into columns. It raises only RejectRecord."""
    made_of = columns(message)
    names = [column.name for column in made_of]
    json = [(index, column.name) for index, column in enumerate(made_of) if column.types == ("jsonb",)]
    row = namedtuple("row", names)  # type: ignore[misc]  # noqa: PYI024 - the names are known at run time only
    values = attrgetter(*names[:-1], "timestamp")

    def make(sent: M, arrived_at: datetime) -> Columns:
        *own, timestamp = values(sent)
        occurred_at = timestamp or arrived_at
        if not 1 < occurred_at.year < 9999:
            raise RejectRecord("invalid_member", YEARS)
        made = [None if value is UNSET else value for value in own]
        for index, name in json:
            if (raw := made[index]) is not None:
                made[index] = json_text(bytes(raw), name)
        return cast("Columns", row._make((*made, occurred_at)))

    return make


def json_text(raw: bytes, name: str) -> str:
    """Return the JSON as it was sent, because Python would change numbers beyond a double.

    Raises RejectRecord if it is nested too deep.
    """
    if len(raw) > 2 * MAX_NESTING and strict.is_too_deep(raw):
        raise RejectRecord("too_deep", f"nested deeper than {MAX_NESTING} levels - at `$.{name}`")
    return raw.decode()


def _column(field: inspect.Field) -> Column:
    whole = _without_metadata(field.type)
    kinds = whole.types if isinstance(whole, inspect.UnionType) else (whole,)
    kind, *others = [_without_metadata(kind) for kind in kinds if not isinstance(kind, inspect.NoneType)]
    types = () if others or not _is_storable(kind) else TYPES.get(type(kind), ())
    # msgspec shows UNSET as a default only by there being none although the member is not required.
    absent = not field.required and field.default is NODEFAULT and field.default_factory is NODEFAULT
    optional = absent or len(kinds) > 1
    return Column(field.name, types, optional)


def _without_metadata(kind: inspect.Type) -> inspect.Type:
    """Return the type without annotations that are only for people, such as a description or an example."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _is_storable(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.LiteralType):
        return all(isinstance(value, str) for value in kind.values)
    if isinstance(kind, inspect.EnumType):
        return issubclass(kind.cls, str)
    return not isinstance(kind, inspect.DateTimeType) or kind.tz is True
