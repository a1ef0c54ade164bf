"""Rows of a table as events.

The members of an event's JSON are in one order, whatever the order of the columns: the same content has the
same identity, wherever it comes from.
"""

from collections.abc import Iterator

from spm.publishing.bad import BadRecord
from spm.publishing.cells import EXAMPLES, BadCell, members_of
from spm.publishing.mapping import Mapping
from spm.publishing.plan import OBJECT, REQUIRED, Plan, plan
from spm.reading.documents import Record
from spm.reading.tables import Table


def records_of(table: Table, mapping: Mapping) -> Iterator[Record | BadRecord]:
    """Yield the events of each row, or what is wrong with them.

    Raises InputError where mapping and header do not fit each other.
    """
    planned = plan(mapping, table.columns)
    maxima: dict[int, str] = {}
    for row in table.rows:
        cells = [cell.strip() for cell in row.cells]
        if len(cells) < planned.width:
            cells += [""] * (planned.width - len(cells))
        if problem := row.problem or _surplus(cells, planned.width):
            yield BadRecord(row.line, "broken_row", problem, kind=problem)
            continue
        if planned.maximum_row is not None and cells[0] == planned.maximum_row:
            maxima = {column.place: cells[column.place] for column in planned.unfolded}
        elif planned.left_out_rows and _is_left_out(planned, cells):
            continue
        elif planned.unfolded:
            yield from _unfolded(planned, row.line, cells, maxima)
        else:
            yield _record(planned, row.line, cells)


def _unfolded(
    planned: Plan, line: int, cells: list[str], maxima: dict[int, str]
) -> Iterator[Record | BadRecord]:
    for column in planned.unfolded:
        cell = cells[column.place]
        if cell not in planned.empty:
            row = [*cells[: planned.width], cell, *column.said, maxima.get(column.place, "")]
            yield _record(planned, line, row)


def _is_left_out(planned: Plan, cells: list[str]) -> bool:
    return any(cells[index] in values for index, values in planned.left_out_rows)


def _record(planned: Plan, line: int, cells: list[str]) -> Record | BadRecord:
    empty = planned.empty
    members: list[str] = []
    metadata: list[str] = []
    for fields, texts in ((planned.members, members), (planned.metadata, metadata)):
        for member, key, indexes, column, values, convert, constant in fields:
            if constant is not None:
                texts.append(constant)
                continue
            cell = cells[indexes[0]] if len(indexes) == 1 else " ".join(cells[i] for i in indexes).strip()
            if cell in empty:
                if member in REQUIRED:
                    return _bad(line, member, column, cell, BadCell("is empty", EXAMPLES[member]))
                continue
            try:
                texts.append(key + convert(values.get(cell, cell) if values else cell))
            except BadCell as no:
                return _bad(line, member, column, cell, no)
    if planned.object_index is not None and (cell := cells[planned.object_index]) not in empty:
        try:
            metadata += members_of(cell)
        except BadCell as no:
            return _bad(line, OBJECT, OBJECT, cell, no)
    if metadata:
        members.append(f'"metadata":{{{",".join(metadata)}}}')
    return Record(line, f"{{{','.join(members)}}}".encode(errors="surrogateescape"))


def _bad(line: int, member: str, column: str, cell: str, no: BadCell) -> BadRecord:
    detail = f'the {member} "{cell[:80]}" (column {column}) {no.problem}; right would be {no.right}'
    return BadRecord(line, "invalid_member", detail, f"{member} {no.problem}", cell, no.right)


def _surplus(cells: list[str], width: int) -> str:
    """What is wrong with a row that has more cells than the header; empty ones do not matter."""
    if len(cells) == width or not any(cells[width:]):
        return ""
    return f"{len(cells)} cells, but the header has {width}: is a cell with the delimiter not quoted?"
