"""What the demo should do, and what it found."""

from dataclasses import dataclass
from typing import Any

from processor.commands.quarantine import RejectedRow
from processor.commands.risk_list import ListedRisk
from processor.commands.status import StatusAnswer
from spm.aws.delivery import Delivered


@dataclass(frozen=True)
class Options:
    """What the demo sends."""

    students: int = 120
    seed: int = 1
    keep: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class Result:
    """What the demo found, as the report shows it and the checks judge it."""

    accepted: int
    seconds: float
    before: StatusAnswer
    after: StatusAnswer
    redelivered: Delivered
    students: list[list[Any]]
    rejected: list[RejectedRow]
    risks: list[ListedRisk]  # of everybody in each course, the highest score first
