"""Reading who is at risk, page after page."""

from typing import Final

import msgspec

from processor.commands.risk_list import ListedRisk, RiskList
from spm.aws.commands import Commands

MOST_OF_A_PAGE: Final = 1_000


def listed(commands: Commands, wanted: RiskList, limit: int) -> list[ListedRisk]:
    """Return up to ``limit`` students in courses, the highest score first."""
    found: list[ListedRisk] = []
    offset: int | None = 0
    while offset is not None and len(found) < limit:
        size = min(MOST_OF_A_PAGE, limit - len(found))
        answer = commands.run(msgspec.structs.replace(wanted, limit=size, offset=offset))
        found += answer.risks
        offset = answer.next
    return found
