"""How a pipeline is doing and what may be done about it, as the page about it asks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from portal.dashboard.source import Ask
from processor.commands.quarantine import RejectedRow
from processor.commands.status import Status, StatusAnswer

LOOK_ONLY: Final = (
    "Whoever has the operators’ policy sees the records here with spm dashboard, and can try them again."
)


class PipelineFigures(Struct, frozen=True, kw_only=True):
    """A pipeline at a moment; None stands for what cannot be known from here.

    ``by_minute``: events stored in each of the last 60 minutes, the oldest first; ``alarms``: the state of
    each by its name, as CloudWatch says it; ``failed``: objects in the failed-records bucket, up to 1,000.
    """

    name: str
    status: StatusAnswer
    by_minute: Sequence[int] | None = None
    iterator_age_ms: float | None = None
    mapping: str | None = None
    alarms: Mapping[str, str] | None = None
    failed: int | None = None


class RecordChoice(NamedTuple):
    """Which open rejected records: those of a reason, or one by its name."""

    reason: str | None = None
    record: str | None = None


class Redriven(NamedTuple):
    """What became of rejected records that were decoded again, as counts. ``more``: some were not tried."""

    examined: int
    stored: int
    still_rejected: int
    more: bool = False


class FailedObject(NamedTuple):
    """Records that Lambda gave up on, as the bucket holds them; the size is in bytes."""

    key: str
    at: datetime
    size: int


class Replayed(NamedTuple):
    """How many records the processor took, and how many objects hold none that it could be given."""

    records: int
    unreadable: int


class Operator(Protocol):
    """What may be done about records. Each raises NotAllowedError where whoever asks has no right to it."""

    def rejected(self, choice: RecordChoice, limit: int) -> Sequence[RejectedRow]:
        """Return open rejected records with what was sent, in the order of their delivery."""

    def redrive(self, choice: RecordChoice, *, dry_run: bool) -> Redriven:
        """Store what can be stored today; a dry run only tells, of the first of them."""

    def dismiss(self, choice: RecordChoice, because: str) -> int:
        """Say of the records that they need nothing more, and why; return of how many."""

    def failed(self) -> Sequence[FailedObject]:
        """Return what lies in the failed-records bucket, up to 100 objects."""

    def replay(self) -> Replayed:
        """Bring these to the processor again, and delete each whose records have arrived."""


class PipelineSource(Protocol):
    """Answers to what the page about the pipeline asks. ``operator`` is None if nobody may do anything."""

    operator: Operator | None

    def figures(self) -> PipelineFigures:
        """Return how the pipeline is doing."""


class LookingOnly:
    """A pipeline of which is known what the reports function tells."""

    operator: Operator | None = None

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask = ask
        self._name = name

    def figures(self) -> PipelineFigures:
        """Ask how the pipeline of this name is doing."""
        return PipelineFigures(name=self._name, status=self._ask(Status(pipeline=self._name)))
