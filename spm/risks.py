"""Read who is at risk, page by page."""

from operator import attrgetter

from processor.commands.risk_list import ListedRisk, RiskList
from spm.aws.commands import Commands


def listed(commands: Commands, wanted: RiskList, limit: int) -> list[ListedRisk]:
    """Return up to ``limit`` students in courses, the highest score first."""
    return [row for page in commands.pages(wanted, limit, attrgetter("risks")) for row in page.risks]
