"""Turns rows of a table into events.

The members of an event's JSON have a fixed order, whatever the order of the columns, so the same content has
the same identity wherever it comes from.
"""

from collections.abc import Iterator

from spm.publishing.bad import BadRecord
from spm.publishing.mapping import Mapping
from spm.publishing.members import Members
from spm.publishing.plan import Plan, plan
from spm.publishing.written import BadMember
from spm.reading.documents import Record
from spm.reading.tables import Table


def records_of(table: Table, mapping: Mapping, members: Members) -> Iterator[Record | BadRecord]:
    """Yield the events of each row, or what is wrong with them.

    Raises InputError if mapping and header do not fit each other.
    """
    planned = plan(mapping, table.columns, members)
    maxima: dict[int, str] = {}
    for line, given, broken in table.rows:
        if problem := broken or _surplus(given, planned.width):
            yield BadRecord(line, "broken_row", problem, kind=problem)
            continue
        cells = given
        if len(cells) != planned.width:
            cells = [*given[: planned.width], *[""] * (planned.width - len(given))]
        if planned.maximum_row is not None and cells[0].strip() == planned.maximum_row:
            maxima = {column.place: cells[column.place] for column in planned.unfolded}
        elif planned.left_out_rows and _is_left_out(planned, cells):
            continue
        elif planned.unfolded:
            yield from _unfolded(planned, line, cells, maxima)
        else:
            yield _record(planned, line, cells)


def _unfolded(
    planned: Plan, line: int, cells: list[str], maxima: dict[int, str]
) -> Iterator[Record | BadRecord]:
    for column in planned.unfolded:
        cell = cells[column.place].strip()
        if cell not in planned.empty:
            maximum = [] if planned.maximum_row is None else [maxima.get(column.place, "")]
            yield _record(planned, line, [*cells, cell, *column.said, *maximum])


def _is_left_out(planned: Plan, cells: list[str]) -> bool:
    return any(cells[index].strip() in values for index, values in planned.left_out_rows)


def _record(planned: Plan, line: int, cells: list[str]) -> Record | BadRecord:
    for places in planned.joined:
        cells.append(" ".join(cells[place].strip() for place in places))
    cells += planned.constants
    try:
        members = [text for written, place in planned.members if (text := written[cells[place]])]
        metadata = [text for written, place in planned.metadata if (text := written[cells[place]])]
    except BadMember as no:
        return BadRecord(line, "invalid_member", str(no), no.kind, no.cell, no.right)
    if metadata:
        members.append(f'"metadata":{{{",".join(metadata)}}}')
    return Record(line, f"{{{','.join(members)}}}".encode(errors="surrogateescape"))


def _surplus(cells: list[str], width: int) -> str:
    """Return what is wrong with a row that has more cells than the header. Empty cells do not matter."""
    if len(cells) <= width or not any(map(str.strip, cells[width:])):
        return ""
    return (
        f"{len(cells)} cells, but the header has {width}: is a cell that contains the delimiter not quoted?"
    )
