"""What people may ask of the database: a command is one module here and its name in ``AnyCommand``."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from processor.commands.access_log import AccessLog
from processor.commands.alerts import AcknowledgeAlert, ListAlerts, MuteAlerts, TakeAlerts
from processor.commands.check import Check
from processor.commands.command import Command, Function, name_of
from processor.commands.compact import Compact
from processor.commands.course import ShowCourse
from processor.commands.dismiss import Dismiss
from processor.commands.erase import Erase, ErasePlan
from processor.commands.erase_tombstones import EraseAgain, EraseLift
from processor.commands.export import Export
from processor.commands.export_student import ExportStudent
from processor.commands.follow_up import AddFollowUp, FollowUps
from processor.commands.migrate import Migrate
from processor.commands.overview import ShowOverview, ShowRevision
from processor.commands.query import Query
from processor.commands.rebuild import Rebuild
from processor.commands.redrive import Redrive
from processor.commands.refresh import Refresh
from processor.commands.rejected import Rejected
from processor.commands.retention import Retention
from processor.commands.risk_flags import RiskFlags
from processor.commands.risk_history import RiskHistory
from processor.commands.risk_list import RiskList
from processor.commands.risk_rules import RiskRules, RiskRuleSet
from processor.commands.roster_check import RosterCheck
from processor.commands.roster_except import RosterExcept
from processor.commands.roster_import import RosterImport
from processor.commands.roster_show import RosterShow
from processor.commands.roster_stage import RosterStage
from processor.commands.status import Status
from processor.commands.student import Search, ShowStudent
from processor.commands.trace import Trace
from processor.errors import CommandError

AnyCommand = (
    AccessLog
    | AcknowledgeAlert
    | AddFollowUp
    | Check
    | Compact
    | Dismiss
    | Erase
    | EraseAgain
    | EraseLift
    | ErasePlan
    | Export
    | ExportStudent
    | FollowUps
    | ListAlerts
    | Migrate
    | MuteAlerts
    | Query
    | Rebuild
    | Redrive
    | Refresh
    | Rejected
    | Retention
    | RiskHistory
    | RiskFlags
    | RiskList
    | RiskRules
    | RiskRuleSet
    | RosterCheck
    | RosterExcept
    | RosterImport
    | RosterShow
    | RosterStage
    | Search
    | ShowCourse
    | ShowOverview
    | ShowRevision
    | ShowStudent
    | Status
    | TakeAlerts
    | Trace
)

KINDS: Final[Mapping[str, type[Command[Any]]]] = {name_of(kind): kind for kind in get_args(AnyCommand)}
"""Every command by its name."""


def names(function: Function) -> str:
    """Return the names of the commands that a function answers."""
    return ", ".join(name for name, kind in KINDS.items() if kind.function == function)


def parse(event: Mapping[str, Any], function: Function) -> Command[Any]:
    """Return the command that the event spells.

    Raises CommandError naming what is wrong with it, that it is another function's included.
    """
    for path, text in _texts(event):
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise CommandError(f"{path} holds U+0000 or half a surrogate pair, which PostgreSQL cannot store")
    try:
        wanted: Command[Any] = msgspec.convert(event, type=AnyCommand)
    except msgspec.ValidationError as error:
        raise CommandError(f"{error}; the commands are {names(function)}") from error
    if wanted.function != function:
        raise CommandError(
            f"the function {wanted.function} answers {name_of(type(wanted))}; the commands of this one are "
            f"{names(function)}"
        )
    return wanted


def _texts(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every text of the event, names of members included, with the path to it."""
    waiting: list[tuple[str, Any]] = [("", event)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            yield from ((f"a name in {path or 'the command'}", name) for name in value)
            waiting += [(f"{path}.{name}".lstrip("."), member) for name, member in value.items()]
        elif isinstance(value, list):
            waiting += [(path, member) for member in value]
