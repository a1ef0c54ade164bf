"""A mapping that is prepared for the rows below one header."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from json.encoder import encode_basestring
from typing import Final, NamedTuple

from msgspec.json import encode as json_of

from spm.errors import InputError
from spm.publishing import cells
from spm.publishing.cells import Convert, object_members
from spm.publishing.mapping import Mapping
from spm.publishing.members import OBJECT, Kind, Members
from spm.publishing.written import Written

MAXIMUM: Final = "max_score"
LONGEST_SHOWN: Final = 500
PLACEHOLDER: Final = re.compile(r"\{(\w+)(:d)?\}")


class Field(NamedTuple):
    """One member of an event: what makes its text, and of which cell of the row."""

    written: Written
    place: int


class Unfolded(NamedTuple):
    """A column whose cells are an event each: its position, and what its header says."""

    place: int
    said: tuple[str, ...]


class Plan(NamedTuple):
    """What is done with each row of a table.

    After its ``width`` cells come those of an unfolded column, if there are any (its cell, what its header
    says, its maximum), then what is ``joined`` from several cells, then the ``constants``.
    """

    width: int
    members: tuple[Field, ...]
    metadata: tuple[Field, ...]
    joined: tuple[tuple[int, ...], ...]
    constants: list[str]
    unfolded: tuple[Unfolded, ...]
    maximum_row: str | None
    left_out_rows: tuple[tuple[int, frozenset[str]], ...]
    empty: frozenset[str]


def plan(mapping: Mapping, columns: Sequence[str], members: Members) -> Plan:
    """Fit a mapping to a header. If they do not fit each other, raise InputError naming the column."""
    header = Header(columns)
    named = {member: header.indexes(column) for member, column in mapping.columns.items()}
    taken = {index for indexes in named.values() for index in indexes}
    taken |= {header.index(column) for column in mapping.leave_out}
    unfolded, said = _unfold(mapping, header, taken)
    for index, member in enumerate(said, start=len(columns)):
        _claim(named, mapping, member, index)
    if mapping.rest == "metadata":
        for index in set(range(len(columns))) - taken - {column.place for column in unfolded}:
            header.refuse_if_double(index)
            _claim(named, mapping, header.names[index], index)
    joined = {member: places for member, places in named.items() if len(places) > 1}
    _check([*named, *mapping.constants], header, members)
    end = len(columns) + len(said)
    places = {member: places[0] for member, places in named.items()}
    places |= {member: place for place, member in enumerate([*joined, *mapping.constants], start=end)}
    written = {**_columns(mapping, header, named, members), **_constants(mapping)}
    # The content of a JSON cell comes last, after the members that have columns of their own.
    in_order = sorted(written, key=lambda member: (member == OBJECT, member))
    return Plan(
        width=len(columns),
        members=tuple(Field(written[m], places[m]) for m in members.own if m in written),
        metadata=tuple(Field(written[m], places[m]) for m in in_order if m not in members.own),
        joined=tuple(joined.values()),
        constants=["constant"] * len(mapping.constants),
        unfolded=tuple(unfolded),
        maximum_row=mapping.unfold.maximum_row if mapping.unfold else None,
        left_out_rows=tuple((header.index(c), frozenset(v)) for c, v in mapping.leave_out_rows.items()),
        empty=frozenset({"", *mapping.empty}),
    )


def _claim(named: dict[str, tuple[int, ...]], mapping: Mapping, member: str, index: int) -> None:
    """Let a column become a member. Raise InputError if something else already does."""
    if member in named or member in mapping.constants:
        raise InputError(
            f"two things become the member {member}: leave one of them out (a column with leave_out)"
        )
    named[member] = (index,)


class Header:
    """The names of a table's columns. A column without a name is called by its number."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.names = [name or f"column {number}" for number, name in enumerate(columns, start=1)]

    def index(self, column: str) -> int:
        """Return the column's position. Raise InputError if there is no such column, or if there are two."""
        if column not in self.names:
            near = get_close_matches(column, self.names, 1, 0.5)
            meant = f"is it {near[0]}" if near else f"it has {', '.join(self.names)[:LONGEST_SHOWN]}"
            raise InputError(f"the file has no column {column}: {meant}")
        index = self.names.index(column)
        self.refuse_if_double(index)
        return index

    def indexes(self, columns: str | list[str]) -> tuple[int, ...]:
        """Return where these columns are."""
        return tuple(self.index(column) for column in ([columns] if isinstance(columns, str) else columns))

    def refuse_if_double(self, index: int) -> None:
        """Raise InputError if another column has the same name, because nobody knows which one is meant."""
        name = self.names[index]
        places = [number for number, other in enumerate(self.names, start=1) if other == name]
        if len(places) > 1:
            numbers = " and ".join(map(str, places))
            raise InputError(
                f"the header names {name} more than once (columns {numbers}): rename one of them"
            )


def _unfold(mapping: Mapping, header: Header, taken: set[int]) -> tuple[list[Unfolded], list[str]]:
    """Return the columns that fit the template, and their members: of the cell, the header, the maximum."""
    if mapping.unfold is None:
        return [], []
    template, names = _template(mapping.unfold.columns)
    is_time = _tells(cells.moment(mapping.time))
    found = []
    for place, name in enumerate(header.names):
        if place in taken or (fit := template.fullmatch(name)) is None:
            continue
        said = dict(zip(names, (text.strip() for text in fit.groups()), strict=True))
        if "timestamp" not in said or is_time(said["timestamp"]):
            header.refuse_if_double(place)
            found.append(Unfolded(place, tuple(said.values())))
    if not found:
        raise InputError(
            f"no column fits {mapping.unfold.columns}: the file has {', '.join(header.names)[:LONGEST_SHOWN]}"
        )
    maximum = [] if mapping.unfold.maximum_row is None else [MAXIMUM]
    return found, [mapping.unfold.into, *names, *maximum]


def _tells(convert: Convert) -> Callable[[str], bool]:
    """Return a function that tells whether a text can be converted."""

    def can(text: str) -> bool:
        try:
            convert(text)
        except cells.BadCell:
            return False
        return True

    return can


def fitting(template: str, columns: Iterable[str]) -> list[str]:
    """Return the columns whose headers fit a template."""
    pattern, _ = _template(template)
    return [column for column in columns if pattern.fullmatch(column)]


def _template(text: str) -> tuple[re.Pattern[str], list[str]]:
    pattern, end, names = "", 0, []
    for placeholder in PLACEHOLDER.finditer(text):
        pattern += re.escape(text[end : placeholder.start()])
        pattern += r"(\d+)" if placeholder[2] else "(.+?)"
        names.append(placeholder[1])
        end = placeholder.end()
    return re.compile(pattern + re.escape(text[end:])), names


def _columns(
    mapping: Mapping, header: Header, named: dict[str, tuple[int, ...]], members: Members
) -> dict[str, Written]:
    converts: dict[Kind, Convert] = {
        "text": encode_basestring,
        "number": cells.number(mapping.decimal),
        "flag": cells.flag,
        "time": cells.moment(mapping.time),
        "day": cells.day(mapping.time),
        "json": cells.document,
    }
    empty = frozenset({"", *mapping.empty})
    found = {}
    for name, places in named.items():
        member = members.own.get(name)
        kind = member.kind if member else "number" if name == MAXIMUM else "text"
        is_object = member is None and name == OBJECT
        column = ", ".join(header.names[place] for place in places if place < len(header.names)) or "unfolded"
        found[name] = Written(
            name,
            column,
            object_members if is_object else _member(name, mapping.values.get(name, {}), converts[kind]),
            empty=empty,
            needed=member.example if member and member.required else None,
        )
    return found


def _member(member: str, values: dict[str, str], convert: Convert) -> Convert:
    """Return what makes a member of a cell, or of what the map says instead."""
    key = encode_basestring(member) + ":"
    return lambda cell: key + convert(values.get(cell, cell))


def _constants(mapping: Mapping) -> dict[str, Written]:
    return {
        member: Written(member, "", _always(encode_basestring(member) + ":" + json_of(value).decode()))
        for member, value in mapping.constants.items()
    }


def _always(text: str) -> Convert:
    return lambda _cell: text


def _check(named: Sequence[str], header: Header, members: Members) -> None:
    strange = [name for name in named if name not in members.own]
    if strange and not members.is_open:
        raise InputError(
            f"{strange[0]} is not a member of events of {members.pipeline}: leave it out, or map it to one of"
            f" {', '.join(members.own)} (--map FILE.toml; --propose-map writes a first map)"
        )
    if missing := set(members.required) - set(named):
        raise InputError(
            f"no column is {' or '.join(sorted(missing))}: name the column with --map FILE.toml; "
            f"--propose-map writes a first map. The header is: {', '.join(header.names)[:LONGEST_SHOWN]}"
        )
