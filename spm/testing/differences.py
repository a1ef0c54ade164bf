"""Tells an author in which rows tables differ from those of one clean delivery."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from processor import places
from processor.pipeline import Pipeline
from spm.testing.events import AGAIN
from spm.testing.store import Row, Tables
from spm.testing.ways import CLEAN, Scenario

MOST_ROWS: Final = 3


def told(pipeline: Pipeline, way: Scenario, clean: Tables, other: Tables) -> str:
    """Return the message, or an empty one if they do not differ."""
    rows = [*_rows(pipeline, way, clean, other)]
    if not rows:
        return ""
    more = [f"  and {len(rows) - MOST_ROWS} more rows"] if len(rows) > MOST_ROWS else []
    summary = f"{pipeline.name}: after {way.name} the tables are not those of {CLEAN.name}"
    return "\n".join([summary, f"  {way.name}: {way.told}", *rows[:MOST_ROWS], *more])


def _rows(pipeline: Pipeline, way: Scenario, clean: Tables, other: Tables) -> Iterator[str]:
    keys = {projection.name: projection.key for projection in pipeline.projections}
    for table, expected in clean.items():
        found = other[table]
        for key in sorted({*expected, *found}, key=repr):
            before, now = expected.get(key), found.get(key)
            if before != now:
                row = _key(keys[table], key) if table in keys else _event(before or now or {})
                heading = f"  table {table}, row {row}{_place(pipeline, table)}"
                yield "\n    ".join([heading, *_columns(way, before, now)])


def _columns(way: Scenario, expected: Row | None, found: Row | None) -> Iterator[str]:
    if expected is None or found is None:
        yes, no = (CLEAN, way) if found is None else (way, CLEAN)
        row = expected or found or {}
        members = ", ".join(f"{name}={_shown(value)}" for name, value in row.items())
        yield f"is there after {yes.name} but not after {no.name}: {members}"
        return
    for name, value in expected.items():
        if value != found[name]:
            yield f"{name}: {_shown(value)} after {CLEAN.name}, {_shown(found[name])} after {way.name}"


def _key(names: tuple[str, ...], key: tuple[object, ...]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in zip(names, key, strict=True))


def _event(row: Row) -> str:
    """Return the event to which a row of the event log, the identities or the rejected events belongs."""
    return f"of event {int(str(row['sequence_number'])) % AGAIN}"


def _place(pipeline: Pipeline, table: str) -> str:
    if table in pipeline.own_sql:
        return f" ({places.of_statement(pipeline, table)})"
    return f" ({places.of_table(pipeline, table)})" if table == pipeline.table else ""


def _shown(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
