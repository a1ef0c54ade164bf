"""The statements that run for a pipeline, with every name filled in."""

from collections.abc import Iterator
from typing import NamedTuple

from processor.pipeline import Pipeline
from processor.storage.event_log import SQL, log_statements


class Statement(NamedTuple):
    """A statement. ``parameters`` are what ``$1``, ``$2``, … of a report stand for."""

    part: str
    name: str
    sql: str
    parameters: tuple[str, ...] = ()


def statements_of(pipeline: Pipeline) -> Iterator[Statement]:
    """Yield the statements of the event log, of the projections, and of the reports."""
    filled = log_statements(pipeline.table, pipeline.names)
    for name, sql in filled.items():
        if sql != SQL[name]:  # the others are the same for every pipeline
            yield Statement("store", name, sql)
    for name, sql in pipeline.upkeep.statements():
        yield Statement("projections", name, sql)
    for name, report in pipeline.reports.items():
        yield Statement("reports", name, report.sql, tuple(report.parameters))
