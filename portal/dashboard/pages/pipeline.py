"""The pipeline's page shows whether events arrive complete and on time, and what is waiting for a person."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final, NamedTuple

from portal.dashboard import charts, words
from portal.dashboard.fragments import Fragments
from portal.dashboard.pipeline import FailedObject, PipelineFigures
from portal.dashboard.tables import Cell, Heading, PageTable
from processor.commands.quarantine import RejectedRow
from processor.commands.status import StatusAnswer

SHOWN: Final = 50
"""How many rejected records are shown with their payloads."""
LONGEST_PAYLOAD: Final = 2_000

MINUTES = (Heading("minute", "Minute"), Heading("events", "Events stored", is_number=True))
REASONS = (
    Heading("reason", "Reason"),
    Heading("records", "Records", is_number=True),
    Heading("first", "First"),
    Heading("last", "Last"),
)
FAILED = (
    Heading("at", "Given up"),
    Heading("object", "Object", is_long=True),
    Heading("size", "Size", is_number=True),
)
ALARMS = (
    Heading("alarm", "Alarm"),
    Heading("state", "State"),
    Heading("means", "If it is on, that means", is_long=True),
    Heading("do", "What to do", is_long=True),
)
STATES: Final = {"ALARM": "on", "OK": "quiet", "INSUFFICIENT_DATA": "without data"}


class AlarmMeaning(NamedTuple):
    """What an alarm means, and what to do about it."""

    means: str
    do: str


def _meanings() -> Mapping[str, AlarmMeaning]:
    read = tomllib.loads((Path(__file__).parent.parent / "alarms.toml").read_text(encoding="utf-8"))
    return {name: AlarmMeaning(**members) for name, members in read.items()}


MEANINGS: Final = _meanings()
"""By the alarm's own name, which is the end of the name in CloudWatch."""


class Waiting(NamedTuple):
    """The rejected records and objects that are waiting for a person, or why they may not be seen."""

    rejected: Sequence[RejectedRow] = ()
    failed: Sequence[FailedObject] = ()
    why_not: str = ""


def view(
    figures: PipelineFigures, waiting: Waiting, now: datetime, zone: tzinfo, draw: Fragments
) -> dict[str, Any]:
    """Return what the template shows."""
    status = figures.status
    problems = _problems(figures)
    by_minute = figures.by_minute
    return {
        "title": _finding(problems),
        "problems": problems,
        "pipeline": figures,
        "facts": _facts(figures, now),
        "minutes": by_minute and charts.by_minute(by_minute, now, zone),
        "minutes_finding": by_minute and _busiest(by_minute, now, zone),
        "reasons": [
            {"reason": one.reason, "count": words.plural(one.records, "record"), "records": records}
            for one in status.open_by_reason
            for records in [[_record(row, now) for row in waiting.rejected if row.reason == one.reason]]
        ],
        "why_not": waiting.why_not,
        "replayable": bool(waiting.failed),
        "tables": [
            *([_minutes_table(by_minute, now, zone)] if by_minute else []),
            _reasons_table(status, now, zone),
            _failed_table(waiting.failed, now, zone),
            _alarms_table(figures.alarms or {}, draw),
        ],
        "as_of": words.clock(now, zone),
    }


def _finding(problems: list[str]) -> str:
    if not problems:
        return "All is well: everything that arrives is stored"
    verb = "needs" if len(problems) == 1 else "need"
    return f"{words.plural(len(problems), 'thing')} {verb} a look"


def _problems(figures: PipelineFigures) -> list[str]:
    lines = [f"The alarm {short(name)} is on." for name, state in _alarms(figures) if state == "ALARM"]
    if figures.mapping in {"missing", "Disabled", "Disabling"}:
        lines.append(f"The event source mapping is {figures.mapping.lower()}: nothing is being stored.")
    if figures.mapping and "PROBLEM: " in figures.mapping:
        lines.append(f"The event source mapping has a problem: {figures.mapping.partition(': ')[2]}.")
    if rejected := figures.status.rejected_open:
        lines.append(f"{words.plural(rejected, 'record')} could not be read and {_wait(rejected)} below.")
    if failed := figures.failed:
        lines.append(
            f"{words.plural(failed, 'batch', 'batches')} failed permanently and {_wait(failed)} below."
        )
    return lines


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _alarms(figures: PipelineFigures) -> list[tuple[str, str]]:
    return sorted((figures.alarms or {}).items())


def short(name: str) -> str:
    """Return an alarm's name without the stack's, or the whole name if it is not one of ours."""
    known = [own for own in MEANINGS if name.endswith(f"-{own}")]
    return max(known, key=len, default=name)


def _facts(figures: PipelineFigures, now: datetime) -> list[tuple[str, str]]:
    status = figures.status
    last_hour = f"{'at least ' if status.stored_last_hour_is_at_least else ''}{status.stored_last_hour:,}"
    facts = [
        ("Stored in the last hour", f"{last_hour} events, {status.stored_last_hour / 3600:,.2g} per second"),
        ("From the stream to the database", _lag(status)),
        ("Last event stored", _ago(status.last_stored_at, now)),
        ("In all", f"{'about ' if status.stored_is_estimate else ''}{status.stored:,} events"),
        ("Waiting to be counted", _to_compact(status, now)),
    ]
    if figures.iterator_age_ms is not None:
        facts.append(("Longest wait to be read, last 5 minutes", _seconds(figures.iterator_age_ms)))
    if figures.mapping is not None:
        facts.append(("Event source mapping", figures.mapping))
    return facts


def _lag(status: StatusAnswer) -> str:
    half, most = status.lag_ms.p50, status.lag_ms.p99
    if half is None or most is None:
        return "nothing arrived in the last hour"
    of = words.plural(status.lag_sample, "event")
    return f"half within {_seconds(half)}, 99 % within {_seconds(most)}, of the last {of}"


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:,.1f} s"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{words.ago(moment, now)} ago" if moment else "never"


def _to_compact(status: StatusAnswer, now: datetime) -> str:
    if not status.waiting_chunks or status.waiting_since is None:
        return "nothing"
    return f"{words.plural(status.waiting_chunks, 'chunk')}, since {words.ago(status.waiting_since, now)}"


def _busiest(by_minute: Sequence[int], now: datetime, zone: tzinfo) -> str:
    most = max(by_minute)
    if not most:
        return "Nothing was stored in the last hour"
    at = _minute(len(by_minute) - 1 - list(by_minute).index(most), now)
    return f"{words.plural(sum(by_minute), 'event')} in the last hour, most at {words.clock(at, zone)}"


def _minute(minutes_ago: int, now: datetime) -> datetime:
    return now - timedelta(minutes=minutes_ago)


def _minutes_table(by_minute: Sequence[int], now: datetime, zone: tzinfo) -> PageTable:
    rows = []
    for position, events in enumerate(by_minute):
        at = words.clock(_minute(len(by_minute) - 1 - position, now), zone)
        rows.append((at, [Cell(position, at), Cell(events, f"{events:,}")]))
    return PageTable("minutes", "Events stored by minute", MINUTES, rows)


def _reasons_table(status: StatusAnswer, now: datetime, zone: tzinfo) -> PageTable:
    rows = [
        (
            one.reason,
            [
                Cell(one.reason, one.reason),
                Cell(one.records, f"{one.records:,}"),
                Cell(one.first_at.isoformat(), words.moment(one.first_at, now, zone)),
                Cell(one.last_at.isoformat(), words.moment(one.last_at, now, zone)),
            ],
        )
        for one in status.open_by_reason
    ]
    return PageTable("reasons", "Rejected records by reason", REASONS, rows)


def _record(row: RejectedRow, now: datetime) -> dict[str, Any]:
    text = row.payload[:LONGEST_PAYLOAD].decode(errors="backslashreplace")
    return {
        "name": f"{row.sequence_number}/{row.sub_sequence}",
        "detail": row.detail,
        "ago": words.ago(row.rejected_at, now),
        "payload": visible(text),
        "size": words.plural(len(row.payload), "byte"),
        "is_cut": len(row.payload) > LONGEST_PAYLOAD,
        "shard": row.shard_id,
    }


def visible(text: str) -> str:
    """Return the text with invisible characters escaped, except line ends and tabs."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\u{ord(one):04x}" for one in text)


def _failed_table(failed: Sequence[FailedObject], now: datetime, zone: tzinfo) -> PageTable:
    rows = [
        (
            one.key,
            [
                Cell(one.at.isoformat(), words.moment(one.at, now, zone)),
                Cell(one.key, one.key),
                Cell(one.size, words.plural(one.size, "byte")),
            ],
        )
        for one in failed
    ]
    return PageTable("failed", "Records that failed", FAILED, rows)


def _alarms_table(alarms: Mapping[str, str], draw: Fragments) -> PageTable:
    order = {"ALARM": 0, "OK": 2}
    rows = []
    for name, state in sorted(alarms.items(), key=lambda one: (order.get(one[1], 1), one[0])):
        meaning = MEANINGS.get(short(name), AlarmMeaning("", ""))
        said = STATES.get(state, state.lower())
        rows.append(
            (
                name,
                [
                    Cell(short(name), short(name)),
                    Cell(said, draw.alarm(said)),
                    Cell(meaning.means, draw.code(meaning.means)),
                    Cell(meaning.do, draw.code(meaning.do)),
                ],
            )
        )
    return PageTable("alarms", "Alarms", ALARMS, rows)
