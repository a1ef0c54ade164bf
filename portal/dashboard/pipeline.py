"""How a pipeline is doing and what may be done about it, as its page asks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from portal.dashboard.source import Ask
from processor.commands.quarantine import RejectedRow
from processor.commands.status import Status, StatusAnswer

LOOK_ONLY: Final = (
    "People with the operators’ policy see the records here with spm dashboard, and can try them again."
)


class PipelineFigures(Struct, frozen=True, kw_only=True):
    """A pipeline at a moment. None stands for what cannot be known from here.

    ``by_minute`` counts the events stored in each of the last 60 minutes, oldest first. ``alarms`` holds the
    state of each alarm by its name, as CloudWatch says it. ``failed`` counts objects in the failed-records
    bucket, up to 1,000.
    """

    name: str
    status: StatusAnswer
    by_minute: Sequence[int] | None = None
    iterator_age_ms: float | None = None
    mapping: str | None = None
    alarms: Mapping[str, str] | None = None
    failed: int | None = None


class RecordChoice(NamedTuple):
    """Chooses open rejected records: those of a reason, or one by its name."""

    reason: str | None = None
    record: str | None = None


class Redriven(NamedTuple):
    """Counts what became of records that were decoded again. ``more`` says that some were not tried."""

    examined: int
    stored: int
    still_rejected: int
    more: bool = False


class FailedObject(NamedTuple):
    """Records that Lambda gave up on, as the bucket holds them. The size is in bytes."""

    key: str
    at: datetime
    size: int


class Replayed(NamedTuple):
    """How many records the processor accepted, and how many objects hold no records."""

    records: int
    unreadable: int


class Operator(Protocol):
    """What may be done about records. Without the right to it, each method raises NotAllowedError."""

    def rejected(self, choice: RecordChoice, limit: int) -> Sequence[RejectedRow]:
        """Return open rejected records with their payloads, in the order of their delivery."""

    def redrive(self, choice: RecordChoice, *, dry_run: bool) -> Redriven:
        """Store what can be stored today. A dry run only says how many of the first can be."""

    def dismiss(self, choice: RecordChoice, because: str) -> int:
        """Dismiss the records with a reason, and return how many there were."""

    def failed(self) -> Sequence[FailedObject]:
        """Return up to 100 objects of the failed-records bucket."""

    def replay(self) -> Replayed:
        """Replay these objects, and delete each whose records have arrived."""


class PipelineSource(Protocol):
    """Answers the pipeline's page. ``operator`` is None if nobody may do anything."""

    operator: Operator | None

    def figures(self) -> PipelineFigures:
        """Return how the pipeline is doing."""


class LookingOnly:
    """A pipeline about which only the reports function can be asked."""

    operator: Operator | None = None

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask = ask
        self._name = name

    def figures(self) -> PipelineFigures:
        """Ask how the pipeline of this name is doing."""
        return PipelineFigures(name=self._name, status=self._ask(Status(pipeline=self._name)))
