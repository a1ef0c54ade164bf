"""``spm trace`` shows where one event is, and what became of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import typer

from processor.commands.trace import SentRecord, TracedEvent
from spm.aws.target import Connection, connect
from spm.aws.tracing import (
    Attempt,
    SoughtEvent,
    StreamPosition,
    attempts,
    in_failed,
    in_stream,
    kept_until,
    wanted,
)
from spm.target import Target
from spm.terminal import console
from spm.terminal.options import JsonOption, PipelineOption, SuffixOption, TargetOption, rfc3339

State = Literal["stored", "rejected", "failed", "waiting", "expired", "erased", "unknown"]

EXIT_CODES: Final[dict[State, int]] = {
    "stored": 0,
    "rejected": 1,
    "failed": 1,
    "waiting": 8,
    "expired": 9,
    "erased": 9,
    "unknown": 10,
}


class Traced(NamedTuple):
    """Everything that is known about the event. If the database has it, nothing else was searched."""

    state: State
    events: Sequence[TracedEvent] = ()
    record: SentRecord | None = None
    failed_object: str | None = None
    in_stream_until: datetime | None = None
    attempts: Sequence[Attempt] = ()


def command(
    event: Annotated[
        str,
        typer.Argument(help="Its event_id, or SHARD/SEQUENCE_NUMBER, and /PART in an aggregated record."),
    ],
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=rfc3339,
            metavar="TIME",
            help="Search the stream from this time of arrival. Default: everything that it keeps.",
            show_default=False,
        ),
    ] = None,
    pipeline: PipelineOption = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where an event is and was: its row or rejection, the stream, failed records, and the attempts.

    The exit code is 0 if it is stored, 1 if it was rejected or is among the failed records, 8 if it is in the
    stream and not stored yet, 9 if it expired or was erased, and 10 if nothing is known about it.

    Example: spm trace 6fa459ea-ee8a-3ca4-894e-db77e160355e
    Example: spm trace shardId-000000000000/49590338271490256608559692538361571095921575989136588898
    """
    found = traced(wanted(event), since, target, suffix, pipeline)
    if as_json:
        console.print_json(_as_json(found))
    else:
        for line in told(found):
            console.out.print(line, soft_wrap=True)
    if code := EXIT_CODES[found.state]:
        raise typer.Exit(code)


def traced(
    event: SoughtEvent,
    since: datetime | None,
    target: Target | None,
    suffix: str | None,
    pipeline: str | None,
) -> Traced:
    """Look into the database first, and elsewhere if the event is not there."""
    connection = connect(target, suffix, pipeline)
    events = connection.commands.run(event.command).events
    if not events:
        return _outside(connection, event, since)
    first = min(events, key=lambda one: ("stored", "rejected", "expired").index(one.state))
    if first.pipeline != connection.stack.pipeline.name:
        connection = connect(target, suffix, first.pipeline)
    return _with_attempts(
        connection, Traced(first.state, events), first, first.stored_at or first.rejected_at
    )


def _outside(connection: Connection, event: SoughtEvent, since: datetime | None) -> Traced:
    aws, stack = connection.aws, connection.stack
    failed = in_failed(aws, stack, event)
    with console.bar("Searching the stream", None) as advance:
        record = failed[1] if failed else in_stream(aws, stack, event, since, advance)
    if record is None:
        return Traced("unknown")
    judged = msgspec.structs.replace(event.command, pipeline=stack.pipeline.name, judged=record)
    fate = connection.commands.run(judged).fate
    state: State = fate if fate in ("expired", "erased") else "failed" if failed else "waiting"
    found = Traced(state, record=record, failed_object=failed[0] if failed else None)
    return _with_attempts(connection, found, record, None)


def _with_attempts(
    connection: Connection, found: Traced, at: TracedEvent | SentRecord, settled_at: datetime | None
) -> Traced:
    if at.arrived_at is None or at.stream_arn != connection.stack.stream_arn:
        return found
    aws, stack = connection.aws, connection.stack
    place = StreamPosition(at.shard_id, at.sequence_number, at.arrived_at)
    return found._replace(
        in_stream_until=kept_until(aws, stack, place), attempts=[*attempts(aws, stack, place, settled_at)]
    )


def told(found: Traced) -> Iterator[str]:
    """Yield the lines that a person reads."""
    if not found.events:
        yield _HEADINGS[found.state]
        if found.record:
            yield from _placed(found.record)
    for event in found.events:
        yield from _of_event(event)
    if found.failed_object:
        yield f"  object     {found.failed_object}"
        yield "  next       spm replay failed sends it through the processor again"
    if found.in_stream_until:
        yield f"  stream     keeps it until {console.moment(found.in_stream_until)}"
    if found.state == "unknown":
        return
    yield (
        "attempts in the processor's log:" if found.attempts else "there is no attempt in the processor's log"
    )
    for attempt in found.attempts:
        figures = [f"{name} {count:,}" for name, count in attempt.became.items() if count]
        yield f"  {console.moment(attempt.at)}  {attempt.received:,} received: {', '.join(figures)}"
        yield f"{'':<27}{attempt.milliseconds:,.0f} ms, request {attempt.request_id}"


_HEADINGS: Final[dict[State, str]] = {
    "failed": "given up: it is waiting among the failed records",
    "waiting": "in the stream, and not stored yet",
    "expired": "expired: it arrived in a month that was dropped, and is no longer stored",
    "erased": "erased: it belongs to a student who was erased, and is not stored",
    "unknown": (
        "unknown: it is not in the database, not among the failed records, and not in what the stream keeps."
        " Events of students who were erased leave nothing behind either."
    ),
}


def _of_event(event: TracedEvent) -> Iterator[str]:
    if event.state == "stored":
        yield f"stored in the log of {event.pipeline}"
    elif event.state == "rejected":
        yield f"rejected by {event.pipeline}: {event.reason}: {console.visible(event.detail or '')}"
    else:
        yield f"expired: it was stored by {event.pipeline}, and its month was dropped"
    yield from _placed(event)
    for name, time in (
        ("happened", event.occurred_at),
        ("stored", event.stored_at),
        ("rejected", event.rejected_at),
        ("redriven", event.redriven_at),
        ("dismissed", event.dismissed_at),
    ):
        if time:
            yield f"  {name:<10} {console.moment(time)}"
    if event.kept_from:
        yield f"  kept       from {event.kept_from:%Y-%m} on"
    if event.state == "rejected":
        part = f"/{event.sub_sequence}" if event.sub_sequence else ""
        yield f"  payload    spm rejected show {event.sequence_number}{part}"


def _placed(at: TracedEvent | SentRecord) -> Iterator[str]:
    part = f"/{at.sub_sequence}" if isinstance(at, TracedEvent) and at.sub_sequence else ""
    yield f"  position   {at.shard_id}/{at.sequence_number}{part}"
    if at.arrived_at:
        yield f"  arrived    {console.moment(at.arrived_at)}"


def _as_json(found: Traced) -> dict[str, object]:
    record = msgspec.to_builtins(found.record) if found.record else None
    return {
        **found._asdict(),
        "events": msgspec.to_builtins(found.events),
        "record": {name: value for name, value in record.items() if name != "data"} if record else None,
        "attempts": [attempt._asdict() for attempt in found.attempts],
    }
