"""A stack's pipeline for the dashboard, with the rights of whoever runs it."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from portal.dashboard.pipeline import (
    FailedObject,
    Operator,
    PipelineFigures,
    RecordChoice,
    Redriven,
    Replayed,
)
from portal.dashboard.source import NotAllowedError, UnavailableError
from processor.commands.dismiss import Dismiss
from processor.commands.quarantine import RejectedRow
from processor.commands.redrive import Redrive
from processor.commands.rejected import Rejected
from spm.aws.explain import DENIED, explain
from spm.aws.health import HOUR, by_minute, look
from spm.aws.redelivery import ERASED, Receipt, failed_objects, publish_counts, replay_failed
from spm.aws.rejected import PAGE, named, pages, redriven
from spm.aws.target import Connection
from spm.errors import MonitorError
from spm.target import Target

FRESH_SECONDS: Final = 2.0
OBJECTS: Final = 100
RATE: Final = 1000.0


class StackPipeline:
    """A pipeline as ``spm status`` sees it, read at most every two seconds."""

    def __init__(self, connection: Connection) -> None:
        self.operator: Operator | None = StackOperator(connection)
        self._connection = connection
        self._figures: PipelineFigures | None = None
        self._until = 0.0
        self._looking = threading.Lock()

    def figures(self) -> PipelineFigures:
        """Return how the pipeline is doing, or raise UnavailableError."""
        with self._looking:
            if self._figures is None or time.monotonic() >= self._until:
                with _explained():
                    self._figures = self._look()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._figures

    def _look(self) -> PipelineFigures:
        connection = self._connection
        health = look(connection)
        now = datetime.now(UTC)
        return PipelineFigures(
            name=connection.stack.pipeline.name,
            status=health.database,
            by_minute=by_minute(connection.aws, connection.stack, "StoredEvents", now - HOUR, now),
            iterator_age_ms=health.iterator_age_ms,
            mapping=health.mapping,
            alarms=health.alarms,
            failed=health.failed_objects,
        )


class StackOperator:
    """What whoever runs this may do. Each method raises NotAllowedError without the operators' policy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rejected(self, choice: RecordChoice, limit: int) -> Sequence[RejectedRow]:
        """Return open rejected records with their payloads."""
        wanted = Rejected(**self._chosen(choice), redriven=False, dismissed=False)
        with _explained():
            return list(pages(self._connection.commands, wanted, limit))

    def redrive(self, choice: RecordChoice, *, dry_run: bool) -> Redriven:
        """Redrive rejected records. A dry run looks at the first page only."""
        wanted = Redrive(**self._chosen(choice), dry_run=dry_run)
        answers = redriven(self._connection.commands, wanted)
        with _explained():
            done = list(islice(answers, 1) if dry_run else answers)
        return Redriven(
            examined=sum(answer.examined for answer in done),
            stored=sum(answer.stored for answer in done),
            still_rejected=sum(len(answer.still_rejected) for answer in done),
            more=dry_run and done[-1].next is not None and done[-1].examined == PAGE,
        )

    def dismiss(self, choice: RecordChoice, because: str) -> int:
        """Dismiss rejected records."""
        with _explained():
            return self._connection.commands.run(Dismiss(**self._chosen(choice), because=because)).dismissed

    def failed(self) -> Sequence[FailedObject]:
        """Return the first objects of the failed-records bucket."""
        stack = self._connection.stack
        with _explained():
            answer = self._connection.aws.s3.list_objects_v2(Bucket=stack.bucket_name, MaxKeys=OBJECTS)
        return [
            FailedObject(one["Key"], one["LastModified"], one["Size"])
            for one in answer.get("Contents", [])
            if not one["Key"].startswith(ERASED)
        ]

    def replay(self) -> Replayed:
        """Replay failed records, and delete each object whose records have all arrived."""
        aws, stack = self._connection.aws, self._connection.stack
        receipt = Receipt(dry_run=False)
        with _explained():
            unreadable = replay_failed(
                aws,
                stack,
                islice(failed_objects(aws, stack), OBJECTS),
                receipt,
                remove=True,
                rate=RATE,
                advance=lambda _: None,
                complain=lambda _: None,
            )
            if self._connection.target == Target.EMBEDDED and receipt.received:
                publish_counts(aws, stack, receipt)
        return Replayed(receipt.records, unreadable)

    def _chosen(self, choice: RecordChoice) -> dict[str, Any]:
        one = named(choice.record) if choice.record else {}
        return {"pipeline": self._connection.stack.pipeline.name, "reason": choice.reason, **one}


@contextmanager
def _explained() -> Iterator[None]:
    """Turn AWS's errors into what a page says."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        kind = NotAllowedError if code in DENIED else UnavailableError
        raise kind(explain(error)) from error
    except MonitorError as error:
        raise UnavailableError(str(error)) from error
