"""A pipeline's answers, with which its page is tested without a database."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from portal.dashboard.pipeline import (
    FailedObject,
    Operator,
    PipelineFigures,
    RecordChoice,
    Redriven,
    Replayed,
)
from portal.dashboard.source import NotAllowedError
from processor.commands.quarantine import RejectedRow
from processor.commands.status import Lag, OpenReason, StatusAnswer
from tests.unit.portal.samples import DAY, NOW


class SamplePipeline:
    """A pipeline with some rejected records and one failed object. ``calls`` lists what was done to it."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.operator: Operator | None = self
        self.allowed = allowed
        self.open = [_rejected(n) for n in range(1, 4)]
        self.objects = [FailedObject("shardId-000000000000/2026/11/24/05.01.json", NOW - DAY / 4, 48_213)]
        self.alarms = {
            "student-performance-dev-iterator-age": "OK",
            "student-performance-dev-rejected-events": "ALARM",
            "student-performance-dev-stream-iterator-age": "INSUFFICIENT_DATA",
        }
        self.calls: list[tuple[str, Any]] = []

    def figures(self) -> PipelineFigures:
        status = StatusAnswer(
            stored=48_210,
            stored_is_estimate=False,
            lag_ms=Lag(412.0, 1_304.0),
            lag_sample=1_000,
            waiting_chunks=0,
            waiting_since=None,
            first_arrived_at=NOW - 60 * DAY,
            last_arrived_at=NOW - timedelta(seconds=5),
            last_stored_at=NOW - timedelta(seconds=4),
            stored_last_hour=1_204,
            stored_last_hour_is_at_least=False,
            schema_version=6,
            rejected=9,
            rejected_last_hour=2,
            rejected_open=len(self.open),
            open_by_reason=_by_reason(self.open),
            database_bytes=2**26,
            dropped_before=None,
            partitions=[],
        )
        return PipelineFigures(
            name="student-performance",
            status=status,
            by_minute=[20 + (n * 7) % 13 if n < 57 else 0 for n in range(60)],
            iterator_age_ms=0.0,
            mapping="Enabled",
            alarms=self.alarms,
            failed=len(self.objects),
        )

    def rejected(self, choice: RecordChoice, limit: int) -> Sequence[RejectedRow]:
        self._check()
        return self._chosen(choice)[:limit]

    def redrive(self, choice: RecordChoice, *, dry_run: bool) -> Redriven:
        self._check()
        good = [row for row in self._chosen(choice) if row.reason == "invalid_member"]
        examined = len(self._chosen(choice))
        if not dry_run:
            self.calls.append(("redrive", choice))
            self.open = [row for row in self.open if row not in good]
        return Redriven(examined, len(good), examined - len(good))

    def dismiss(self, choice: RecordChoice, because: str) -> int:
        self._check()
        self.calls.append(("dismiss", because))
        chosen = self._chosen(choice)
        self.open = [row for row in self.open if row not in chosen]
        return len(chosen)

    def failed(self) -> Sequence[FailedObject]:
        self._check()
        return self.objects

    def replay(self) -> Replayed:
        self._check()
        self.calls.append(("replay", None))
        self.objects = []
        return Replayed(120, 0)

    def _check(self) -> None:
        if not self.allowed:
            raise NotAllowedError("no right to lambda:InvokeFunction: ask for the stack’s operators policy")

    def _chosen(self, choice: RecordChoice) -> list[RejectedRow]:
        named = {None, choice.record}
        return [
            row
            for row in self.open
            if choice.reason in {None, row.reason} and (choice.record is None or name_of(row) in named)
        ]


def name_of(row: RejectedRow) -> str:
    return f"{row.sequence_number}/{row.sub_sequence}"


def _rejected(number: int) -> RejectedRow:
    is_json = number > 1
    return RejectedRow(
        pipeline="student-performance",
        stream_arn="arn:aws:kinesis:eu-central-1:123456789012:stream/student-performance-stream-dev",
        shard_id="shardId-000000000000",
        sequence_number=f"{number:056d}",
        sub_sequence=0,
        arrived_at=NOW - DAY / 24,
        reason="invalid_member" if is_json else "not_json",
        detail="score: expected a number, got text" if is_json else "no JSON: it ends at byte 17",
        payload=b'{"student_id": "student-0007", "event_type": "quiz_score", "score": "<b>87</b>"}'
        if is_json
        else b'{"student_id": "\x00\xff',
        rejected_at=NOW - DAY / 24,
        redriven_at=None,
        dismissed_at=None,
        dismissed_because=None,
    )


def _by_reason(rows: list[RejectedRow]) -> list[OpenReason]:
    reasons = sorted({row.reason for row in rows})
    return [
        OpenReason(reason, sum(row.reason == reason for row in rows), NOW - DAY, NOW - DAY / 24)
        for reason in reasons
    ]
